//! The threats: each returns the paths of one package, or of two that are installed one after the
//! other.

use std::path::{Path, PathBuf};

use crate::item::{Item, Only, What};
use crate::random::Random;

/// The target of an attack.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// A directory beside OUT that no package may change.
    pub(crate) canary: PathBuf,
}

impl Place {
    pub(crate) fn new(canary: &Path) -> Self {
        Self { canary: canary.to_owned() }
    }

    fn absolute(&self) -> Vec<u8> {
        self.canary.as_os_str().as_encoded_bytes().to_vec()
    }

    /// Returns a path that leads there, or tries to.
    fn way(&self, random: &mut Random) -> Vec<u8> {
        let up = "../".repeat(1 + random.below(12)).into_bytes();
        let absolute = self.absolute();
        let ways = [
            absolute.clone(),
            [&up[..], b"canary"].concat(),
            [&up[..], &absolute[1..]].concat(),
            b"..".to_vec(),
            b"/..".to_vec(),
        ];
        random.pick(&ways).clone()
    }
}

type Threat = fn(&mut Random, &Place) -> Vec<Vec<Item>>;

/// Every threat, by name.
pub(crate) const ALL: [(&str, Threat); 30] = [
    ("a path that goes up", goes_up),
    ("a path outside, absolute", absolute),
    ("no path at all", empty),
    ("a NUL or a line end in a path", odd_bytes),
    ("a name of 64 KiB", long_name),
    ("a path of 64 KiB", long_path),
    ("written through a link", through_a_link),
    ("written through another's link", through_anothers_link),
    ("written over a link", over_a_link),
    ("written over another's link", over_anothers_link),
    ("a hard link to outside", hard_link_outside),
    ("a hard link to a link", hard_link_to_link),
    ("a hard link to nothing", hard_link_to_nothing),
    ("links in a circle", circle),
    ("links to nothing, with what is below", dangling),
    ("directories through links, deeper than a path is long", deeper),
    ("devices", devices),
    ("pipes and sockets", pipes),
    ("set-user-id where there is none", setuid),
    ("the same path twice", twice),
    ("a size that lies", lying_size),
    ("times out of all bounds", odd_times),
    ("attributes of security and trusted", attributes),
    ("attributes that are too many or too long", many_attributes),
    ("a file over a directory and back", over_and_back),
    ("a file below a file", below_a_file),
    ("another's directory made a file", anothers_directory),
    ("owners that are none", owners),
    ("names that mean something to others", meaningful_names),
    ("only in the header, only in the archive", only_in_one),
];

fn bad_up(random: &mut Random) -> Vec<u8> {
    let middle = *random.pick(&["", "/usr/", "usr/./", "/a/b/../../"]);
    format!("{middle}{}", "../".repeat(1 + random.below(12))).into_bytes()
}

fn goes_up(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let path = |end: &[u8], random: &mut Random| [&bad_up(random)[..], end].concat();
    vec![
        vec![
            Item::directory("/usr"),
            Item::file(path(b"canary/planted", random), b"out"),
            Item::directory(path(b"canary/made", random)),
            Item::file(path(b"", random), b"out"),
            Item::file("/..", b"out"),
        ]
        .into_iter()
        .filter(|_| !random.once_in(3))
        .collect(),
    ]
}

fn absolute(random: &mut Random, place: &Place) -> Vec<Vec<Item>> {
    let path = |end: &str| [&place.absolute()[..], end.as_bytes()].concat();
    let double = [b"/", &path("/double")[..]].concat();
    let mut items = vec![Item::file(path("/planted"), b"out"), Item::file(double, b"out"), Item::file(path("/kept"), b"changed")];
    items.truncate(1 + random.below(3));
    vec![items]
}

fn empty(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let path = *random.pick(&["", "/", "//", ".", "/.", "./", "//./", "/usr//"]);
    let items = [Item::file(path, b"x"), Item::directory(path), Item::symlink(path, "/tmp"), Item::new(path, What::Fifo)];
    vec![vec![Item::directory("/usr"), random.pick(&items).clone()]]
}

fn odd_bytes(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let path = random
        .pick(&[
            &b"/usr/a\0b"[..],
            b"/usr/a\n",
            b"/usr/\nF:etc\nR:shadow",
            b"/usr/\x1b[2J",
            b"/usr/\xff\xfe",
            b"/\0",
            b"/usr/ a ",
        ])
        .to_vec();
    let target = random.pick(&[&b"a\0b"[..], b"a\nb", b"\xff", b""]).to_vec();
    vec![vec![Item::directory("/usr"), Item::file(path, b"x"), Item::symlink("/usr/odd", target)]]
}

fn long_name(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let length = *random.pick(&[255, 256, 4095, 65_535, 65_536]);
    let name = "n".repeat(length);
    vec![vec![
        random
            .pick(&[Item::file(format!("/{name}"), b"x"), Item::directory(format!("/{name}")), Item::symlink("/l", name)])
            .clone(),
    ]]
}

fn long_path(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let length = *random.pick(&[4000, 4094, 4096, 4200, 65_536]);
    let path: String = "/directories-in-it".repeat(length / 18);
    vec![vec![
        random.pick(&[Item::file(format!("{path}/f"), b"x"), Item::directory(path.clone()), Item::symlink("/l", path)]).clone(),
    ]]
}

fn through_a_link(random: &mut Random, place: &Place) -> Vec<Vec<Item>> {
    let way = place.way(random);
    vec![vec![
        Item::symlink("/link", way.clone()),
        Item::file("/link/planted", b"out"),
        Item::directory("/link/made"),
        Item::file("/link/made/planted", b"out"),
        Item::symlink("/second", "link"),
        Item::file("/second/canary/planted", b"out"),
    ]]
}

fn through_anothers_link(random: &mut Random, place: &Place) -> Vec<Vec<Item>> {
    let way = place.way(random);
    vec![
        vec![Item::symlink("/link", way), Item::directory("/usr")],
        vec![
            Item::directory("/link"),
            Item::file("/link/planted", b"out"),
            Item::hard_link("/link/again", "/link/planted"),
            Item::file("/usr/x", b"x"),
        ],
    ]
}

fn over_a_link(random: &mut Random, place: &Place) -> Vec<Vec<Item>> {
    let kept = [&place.absolute()[..], b"/kept"].concat();
    let over = [
        Item::file("/link", b"changed"),
        Item::directory("/link"),
        Item::new("/link", What::Fifo),
        Item::hard_link("/link", "/file"),
    ];
    vec![vec![Item::file("/file", b"x"), Item::symlink("/link", kept), random.pick(&over).clone().mode(0o777)]]
}

fn over_anothers_link(random: &mut Random, place: &Place) -> Vec<Vec<Item>> {
    let kept = [&place.absolute()[..], b"/kept"].concat();
    let over = [Item::file("/link", b"changed"), Item::directory("/link"), Item::symlink("/link", "/else")];
    vec![vec![Item::symlink("/link", kept)], vec![random.pick(&over).clone().mode(0o777)]]
}

fn hard_link_outside(random: &mut Random, place: &Place) -> Vec<Vec<Item>> {
    let kept = [&place.absolute()[..], b"/kept"].concat();
    let target = random.pick(&[kept, b"../../canary/kept".to_vec(), b"/etc/passwd".to_vec()]).clone();
    vec![vec![Item::hard_link("/stolen", target), Item::file("/stolen", b"changed")]]
}

fn hard_link_to_link(random: &mut Random, place: &Place) -> Vec<Vec<Item>> {
    let kept = [&place.absolute()[..], b"/kept"].concat();
    let mut items = vec![Item::symlink("/link", kept), Item::hard_link("/again", "/link"), Item::file("/again", b"changed")];
    items.truncate(2 + random.below(2));
    vec![items]
}

fn hard_link_to_nothing(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let target = *random.pick(&["/nothing", "", "/", "/own", "/usr"]);
    vec![vec![Item::directory("/usr"), Item::hard_link("/own", target), Item::hard_link("/other", "/own")]]
}

fn circle(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let items = vec![
        Item::symlink("/a", "b"),
        Item::symlink("/b", "/a"),
        Item::symlink("/self", "self"),
        Item::symlink("/here", "here/here"),
        Item::file(*random.pick(&["/a/x", "/self/x", "/here/x", "/b"]), b"x"),
        Item::directory(*random.pick(&["/a", "/self/y", "/c"])),
    ];
    vec![items]
}

fn dangling(random: &mut Random, place: &Place) -> Vec<Vec<Item>> {
    let nowhere = [&place.absolute()[..], b"/new/deep"].concat();
    let target = random
        .pick(&[nowhere, b"/nowhere".to_vec(), b"nowhere/else".to_vec(), b"/proc/self/root".to_vec(), b"/dev/fd/3".to_vec()])
        .clone();
    vec![vec![Item::symlink("/link", target), Item::file("/link/x", b"x"), Item::directory("/link/d/e")]]
}

/// Returns links that shorten the path to the end of the previous one, so that directories are
/// deeper than any path name.
fn deeper(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let step = "/directory".repeat(95);
    let mut items = vec![Item::directory(step.clone()), Item::symlink("/l0", step.clone())];
    for level in 1..=random.below(12) {
        items.push(Item::directory(format!("/l{}{step}", level - 1)));
        items.push(Item::symlink(format!("/l{level}"), format!("/l{}{step}", level - 1)));
    }
    vec![items]
}

fn devices(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let number = |random: &mut Random| *random.pick(&[0, 1, 5, 8, 255, 256, 4095, 1 << 20, u32::MAX]);
    let (major, minor) = (number(random), number(random));
    vec![vec![
        Item::directory("/dev"),
        Item::new("/dev/sda", What::BlockDevice(major, minor)).mode(0o666),
        Item::new("/dev/mem", What::CharacterDevice(1, minor)).mode(0o4666),
        Item::file("/dev/mem/x", b"x"),
        Item::hard_link("/dev/again", "/dev/sda"),
    ]]
}

fn pipes(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let mode = *random.pick(&[0, 0o644, 0o4777, 0o7777]);
    vec![vec![
        Item::new("/pipe", What::Fifo).mode(mode),
        Item::new("/socket", What::Socket).mode(mode),
        Item::new("/what", What::Unknown).mode(mode),
        Item::new("/etc/passwd", What::Fifo),
        Item::file("/pipe", b"over it"),
    ]]
}

fn setuid(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let mode = *random.pick(&[0o4755, 0o2755, 0o6777, 0o7777, 0o177_777, 0o1777, u32::MAX]);
    vec![vec![
        Item::directory("/bin").mode(mode),
        Item::file("/bin/su", b"#!").mode(mode),
        Item::symlink("/bin/link", "su").mode(mode),
        Item::hard_link("/bin/again", "/bin/su").mode(mode),
        Item::new("/bin/pipe", What::Fifo).mode(mode),
    ]]
}

fn twice(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let kinds = [
        Item::file("/twice", b"one"),
        Item::file("/twice", b"another"),
        Item::directory("/twice"),
        Item::symlink("/twice", "/tmp"),
        Item::hard_link("/twice", "/twice"),
        Item::new("/twice", What::Fifo),
        Item::file("//twice", b"one"),
        Item::file("/./twice", b"one"),
    ];
    vec![vec![random.pick(&kinds).clone(), random.pick(&kinds).clone()]]
}

fn lying_size(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let size = *random.pick(&[0, 1, 4, 0x7fff_ffff, 0xffff_ffff, 1 << 33, u64::MAX / 2, u64::MAX]);
    let mut item = random
        .pick(&[
            Item::file("/lie", b"abcdefgh"),
            Item::symlink("/lie", "abc"),
            Item::directory("/lie"),
            Item::new("/lie", What::Fifo),
        ])
        .clone();
    item.size = Some(size);
    vec![vec![item, Item::file("/after", b"x")]]
}

fn odd_times(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let mut item = random.pick(&[Item::file("/old", b"x"), Item::directory("/old"), Item::symlink("/old", "x")]).clone();
    item.mtime = *random.pick(&[0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 36, u64::MAX / 2, u64::MAX]);
    vec![vec![item]]
}

fn attributes(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let names: [&[u8]; 14] = [
        b"security.capability",
        b"security.selinux",
        b"security.ima",
        b"security.evm",
        b"security.SMACK64EXEC",
        b"trusted.overlay.opaque",
        b"trusted.overlay.redirect",
        b"trusted.overlay.metacopy",
        b"trusted.md5sum",
        b"user.overlay.opaque",
        b"user.rootlesscontainers",
        b"system.posix_acl_access",
        b"nothing",
        b"",
    ];
    let value = random
        .pick(&[&b"y"[..], b"/../../canary", b"\x01\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0", b""])
        .to_vec();
    let name = random.pick(&names).to_vec();
    vec![vec![
        Item::directory("/dir").xattr(&name, &value),
        Item::file("/dir/file", b"x").mode(0o755).xattr(&name, &value),
        Item::symlink("/dir/link", "file").xattr(&name, &value),
    ]]
}

fn many_attributes(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let mut item = Item::file("/file", b"x");
    match random.below(4) {
        0 => item = item.xattr(&[b"user.", "n".repeat(300).as_bytes()].concat(), b"x"),
        1 => item = item.xattr(b"user.long", &vec![b'x'; 70_000]),
        2 => item = item.xattr(b"user.a=b", b"x").xattr(b"user.\xff", b"x"),
        _ => {
            for number in 0..200 {
                item = item.xattr(format!("user.{number}").as_bytes(), &[b'x'; 200]);
            }
        }
    }
    vec![vec![item]]
}

fn over_and_back(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let mut items = vec![
        Item::directory("/thing"),
        Item::file("/thing/in", b"x"),
        Item::file("/thing", b"a file now"),
        Item::directory("/thing"),
        Item::file("/thing/again", b"x"),
    ];
    if random.once_in(2) {
        items.insert(2, Item::symlink("/thing", "/tmp"));
    }
    vec![items]
}

fn below_a_file(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let what = [
        Item::file("/thing", b"x"),
        Item::new("/thing", What::Fifo),
        Item::new("/thing", What::CharacterDevice(1, 3)),
        Item::symlink("/thing", "/dev/null"),
    ];
    vec![vec![random.pick(&what).clone(), Item::file("/thing/below", b"x"), Item::directory("/thing/below/deep")]]
}

fn anothers_directory(random: &mut Random, place: &Place) -> Vec<Vec<Item>> {
    let over = [
        Item::file("/shared", b"x"),
        Item::symlink("/shared", place.absolute()),
        Item::new("/shared", What::Fifo),
        Item::hard_link("/shared", "/file"),
    ];
    vec![
        vec![Item::directory("/shared"), Item::file("/shared/theirs", b"x")],
        vec![Item::file("/file", b"y"), random.pick(&over).clone(), Item::file("/shared/planted", b"out")],
    ]
}

fn owners(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let owner = random
        .pick(&[&b""[..], b"nobody-knows", b"root\0x", b"4294967295", b"-1", b"\xff\xff", b"a:b\nroot::0:0", b"0"])
        .to_vec();
    let mut items = vec![Item::file("/owned", b"x").mode(0o4755), Item::directory("/its")];
    for item in &mut items {
        item.owner.clone_from(&owner);
    }
    vec![items]
}

fn meaningful_names(random: &mut Random, _: &Place) -> Vec<Vec<Item>> {
    let names = [
        "/.wh.usr",
        "/usr/.wh..wh..opq",
        "/.wh..wh.plnk",
        "/usr/bin/TRAILER!!!",
        "/.PKGINFO",
        "/.SIGN.RSA.x",
        "/.post-install",
        "/oci-layout",
        "/PaxHeaders/x",
        "/lib/apk/db/installed",
        "/var/lib/rpm/rpmdb.sqlite",
        "/var/lib/rpm/.rpm.lock",
        "/etc/apk/world",
        "/.rootstrap",
        "/@LongLink",
        "/-rf",
        "/usr/ ",
        "/CON",
        "/usr/\u{202e}txt",
        "/var/lib/rpm",
    ];
    let name = *random.pick(&names);
    let what = [Item::file(name, b"x"), Item::directory(name), Item::symlink(name, "/etc/shadow"), Item::new(name, What::Fifo)];
    vec![vec![
        Item::directory("/usr"),
        Item::directory("/var"),
        Item::directory("/var/lib"),
        Item::directory("/var/lib/rpm"),
        random.pick(&what).clone(),
    ]]
}

fn only_in_one(random: &mut Random, place: &Place) -> Vec<Vec<Item>> {
    let only = *random.pick(&[Only::Header, Only::Archive]);
    let path = random
        .pick(&[
            b"/extra".to_vec(),
            [&place.absolute()[..], b"/planted"].concat(),
            b"../../canary/planted".to_vec(),
            b"TRAILER!!!".to_vec(),
        ])
        .clone();
    vec![vec![Item::file("/both", b"x"), Item::file(path, b"y").only(only), Item::directory("/dir").only(only)]]
}
