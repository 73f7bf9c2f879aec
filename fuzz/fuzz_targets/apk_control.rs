//! `.PKGINFO`: parsing, writing and parsing again gives the same result.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootstrap::apk::package::PackageInfo;

fuzz_target!(|data: &[u8]| {
    let Ok(info) = PackageInfo::parse(data) else { return };
    assert!(!info.name.is_empty() && !info.version.is_empty());
    let _ = info.facts();
    // A carriage return before a line feed belongs to the line end.
    if !data.contains(&b'\r') {
        let written = write(&info);
        assert_eq!(PackageInfo::parse(written.as_bytes()).as_ref(), Ok(&info), "{written}");
    }
});

fn write(info: &PackageInfo) -> String {
    let mut out = String::new();
    let mut line = |key: &str, value: &str| out += &format!("{key} = {value}\n");
    let texts = [
        ("pkgname", &info.name),
        ("pkgver", &info.version),
        ("arch", &info.arch),
        ("pkgdesc", &info.description),
        ("url", &info.url),
        ("license", &info.license),
        ("origin", &info.origin),
        ("maintainer", &info.maintainer),
        ("commit", &info.commit),
    ];
    for (key, text) in texts {
        line(key, text);
    }
    line("builddate", &info.build_time.to_string());
    line("size", &info.installed_size.to_string());
    line("provider_priority", &info.provider_priority.to_string());
    line("replaces_priority", &info.replaces_priority.to_string());
    let lists =
        [("depend", &info.depends), ("provides", &info.provides), ("install_if", &info.install_if), ("replaces", &info.replaces)];
    for (key, words) in lists {
        words.iter().for_each(|word| line(key, word));
    }
    line("triggers", &info.triggers.join(" "));
    if let Some(digest) = &info.data_hash {
        line("datahash", &digest.hex());
    }
    out
}
