//! Tests with real servers: nginx with TLS and HTTP/2, squid as a proxy.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::disk::{differences, walk, without_inodes};
use crate::place::{Outcome, Place, is_root, peer};

/// A server process that is stopped when dropped.
struct Peer {
    child: Child,
    address: SocketAddr,
}

impl Peer {
    /// Starts the process and waits until it answers. No other process takes the port in the
    /// meantime.
    fn start(address: SocketAddr, command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let peer = Self { child, address };
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(30), "{command:?} does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
        peer
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // SIGKILL would leave squid's own children behind.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let begin = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begin.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Creates a certificate authority, and certificates that it signed: the server's and a client's.
fn certificates(directory: &Path) {
    fs::create_dir(directory).unwrap();
    let openssl = |arguments: &str| {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
        assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"));
    fs::write(directory.join("server.ext"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    fs::write(directory.join("client.ext"), "extendedKeyUsage=clientAuth\n").unwrap();
    for name in ["server", "client"] {
        openssl(&format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out {name}.pem -extfile {name}.ext"
        ));
    }
}

/// Starts nginx with TLS and HTTP/2; `more` is added to its server block.
fn nginx(files: &Path, place: &Path, more: &str) -> Peer {
    let address = free_address();
    fs::create_dir_all(place).unwrap();
    let at = |name: &str| place.join(name).to_str().unwrap().to_owned();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {};", at(kind)));
    let configuration = format!(
        "daemon off; master_process off; pid {}; error_log {};\nevents {{}}\nhttp {{ {}\n\
         log_format protocol '$server_protocol $status $http_range $remote_user $connection $uri'; access_log {} protocol;\n\
         server {{ listen {address} ssl http2; ssl_certificate ../tls/server.pem; ssl_certificate_key ../tls/server.key; root {};\n{more}\n}} }}\n",
        at("nginx.pid"),
        at("nginx.log"),
        temporary.join(" "),
        at("access.log"),
        files.display()
    );
    fs::write(place.join("nginx.conf"), configuration).unwrap();
    Peer::start(address, Command::new("nginx").args(["-e", &at("nginx.log"), "-c", &at("nginx.conf")]))
}

/// Starts squid as a forward proxy that stores data in memory only.
fn squid(place: &Path) -> Peer {
    let address = free_address();
    fs::create_dir_all(place).unwrap();
    let at = |name: &str| place.join(name).to_str().unwrap().to_owned();
    if is_root() {
        // It continues as the user set at build time, who must be able to write here.
        fs::set_permissions(place.parent().unwrap(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(place, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let configuration = format!(
        "http_port {address}\npid_filename {}\naccess_log stdio:{}\ncache_log {}\ncache_store_log none\ncoredump_dir {}\n\
         netdb_filename none\nshutdown_lifetime 0 seconds\nhttp_access allow all\npinger_enable off\n\
         cache_mem 16 MB\n",
        at("squid.pid"),
        at("access.log"),
        at("cache.log"),
        place.display()
    );
    fs::write(place.join("squid.conf"), configuration).unwrap();
    Peer::start(address, Command::new("squid").args(["-N", "-f", &at("squid.conf")]))
}

fn bootstrap(place: &Place, mirror: &str, out: &str, more: &[&str]) -> Outcome {
    let cache = format!("cache-{out}");
    let usual = ["--mirror", mirror, "--key", "mirror/keys/rootstrap-fixtures.asc", "--cache-dir", &cache, "--progress", "none"];
    place.run(&[&crate::place::MICRO, &usual[..], more, &[out]].concat())
}

fn assert_same(place: &Place, out: &str) {
    let tree = |name: &str| without_inodes(walk(&place.path(name)));
    assert_eq!(differences(&tree("good"), &tree(out)), <[String; 0]>::default(), "{out}");
}

fn log(path: PathBuf) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn nginx_with_tls_and_http_2() {
    if !peer("nginx") || !peer("openssl") {
        return;
    }
    let place = Place::new();
    place.bootstrap(&["good"]).success();
    certificates(&place.path("tls"));
    let server = nginx(&place.path("mirror"), &place.path("nginx"), "");
    let url = format!("https://{}", server.address);

    bootstrap(&place, &url, "out", &["--cacert", "tls/ca.pem"]).success();
    assert_same(&place, "out");
    let asked = log(place.path("nginx/access.log"));
    assert!(asked.len() > 5 && asked.iter().all(|line| line.starts_with("HTTP/2.0 200 ")), "{asked:?}");
    let connections: std::collections::BTreeSet<&str> = asked.iter().filter_map(|line| line.split(' ').nth(4)).collect();
    assert!(connections.len() < asked.len(), "connections are used again: {asked:?}");

    // Nothing from a server without a trusted certificate is used, and it is not asked again.
    let unknown = bootstrap(&place, &url, "unknown", &["--retries", "5"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.stderr.contains("no TLS that can be trusted") && !unknown.stderr.contains("(tried"), "{}", unknown.stderr);
    // A server with a certificate for another name is not trusted either.
    let other = url.replace("127.0.0.1", "localhost");
    let other = bootstrap(&place, &other, "other", &["--cacert", "tls/ca.pem"]);
    assert!(other.code == Some(1) && other.stderr.contains("no TLS that can be trusted"), "{}", other.stderr);
    let none = bootstrap(&place, &url, "none", &["--cacert", "tls/ca.key"]);
    assert!(none.code == Some(2) && none.stderr.contains("no certificates of authorities"), "{}", none.stderr);
}

#[test]
fn nginx_is_reached_by_the_authority_and_certificate_of_its_repository_alone() {
    if !peer("nginx") || !peer("openssl") {
        return;
    }
    let place = Place::new();
    certificates(&place.path("tls"));
    let certain =
        nginx(&place.path("mirror"), &place.path("certain"), "ssl_client_certificate ../tls/ca.pem; ssl_verify_client on;");
    let base = format!("baseurl=https://{}/9/BaseOS/aarch64/os\n", certain.address);
    let at = |name: &str| place.path("tls").join(name).display().to_string();
    let (ca, client) = (
        format!("sslcacert={}\n", at("ca.pem")),
        format!("sslclientcert={}\nsslclientkey={}\n", at("client.pem"), at("client.key")),
    );
    let resolve = |text: &str, cache: &str| {
        fs::write(place.path("my.repo"), text).unwrap();
        let words = ["resolve", "--arch", "aarch64", "--repo", "my.repo", "--retries", "0", "--cache-dir", cache, "setup"];
        place.run(&words)
    };
    resolve(&format!("[base]\n{base}{ca}{client}sslverify=1\n"), "right").success();
    let nobody = resolve(&format!("[base]\n{base}{ca}"), "nobody");
    assert_eq!(nobody.code, Some(1), "{}", nobody.stderr);
    // The certificates that one repository trusts do not apply to another.
    let other = resolve(&format!("[base]\n{base}{ca}{client}[other]\n{base}{client}"), "other");
    assert!(other.code == Some(1) && other.stderr.contains("no TLS that can be trusted"), "{}", other.stderr);
    let keyless = resolve(&format!("[base]\n{base}sslclientkey={}\n", at("client.key")), "keyless");
    assert!(keyless.code == Some(2) && keyless.stderr.contains("sslclientcert is missing"), "{}", keyless.stderr);
}

#[test]
fn nginx_that_wants_to_know_who_we_are() {
    if !peer("nginx") || !peer("openssl") {
        return;
    }
    let place = Place::new();
    place.bootstrap(&["good"]).success();
    certificates(&place.path("tls"));
    fs::write(place.path("passwords"), "me:{PLAIN}secret\n").unwrap();
    let by_certificate = "ssl_client_certificate ../tls/ca.pem; ssl_verify_client on;";
    let by_name = format!("auth_basic here; auth_basic_user_file {};", place.path("passwords").display());
    let certain = nginx(&place.path("mirror"), &place.path("certain"), by_certificate);
    let named = nginx(&place.path("mirror"), &place.path("named"), &by_name);
    let away = format!("return 302 https://{}$uri;", named.address);
    let leading = nginx(&place.path("mirror"), &place.path("leading"), &away);
    let url = |server: &Peer| format!("https://{}", server.address);
    let trusted = ["--cacert", "tls/ca.pem"];
    let client = ["--cacert", "tls/ca.pem", "--client-cert", "tls/client.pem", "--client-key", "tls/client.key"];

    bootstrap(&place, &url(&certain), "certain-out", &client).success();
    assert_same(&place, "certain-out");
    let nobody = bootstrap(&place, &url(&certain), "nobody", &trusted);
    assert_eq!(nobody.code, Some(1), "{}", nobody.stderr);

    let nameless = bootstrap(&place, &url(&named), "nameless", &trusted);
    assert!(
        nameless.code == Some(1) && nameless.stderr.contains("401, which wants a name and a password"),
        "{}",
        nameless.stderr
    );
    let wrong = url(&named).replace("https://", "https://me:hushhush@");
    let wrong = bootstrap(&place, &wrong, "wrong", &trusted);
    assert!(wrong.code == Some(1) && !wrong.stderr.contains("hushhush"), "{}", wrong.stderr);
    fs::write(place.path(".netrc"), "default login me password secret\n").unwrap();
    bootstrap(&place, &url(&named), "named-out", &trusted).success();
    assert_same(&place, "named-out");
    // Credentials are not sent to the server to which another one redirects.
    let led = bootstrap(&place, &url(&leading), "led", &trusted);
    assert!(led.code == Some(1) && led.stderr.contains("401"), "{}", led.stderr);
}

#[test]
fn squid_as_a_proxy() {
    if !peer("squid") || !peer("nginx") || !peer("openssl") {
        return;
    }
    let place = Place::new();
    place.bootstrap(&["good"]).success();
    certificates(&place.path("tls"));
    let secure = nginx(&place.path("mirror"), &place.path("nginx"), "");
    let plain = crate::server::FileServer::new(&place.path("mirror"));
    let proxy = squid(&place.path("squid"));
    let through = format!("http://{}", proxy.address);
    let (secure_url, plain_url) = (format!("https://{}", secure.address), plain.url());

    bootstrap(&place, &plain_url, "plain", &["--proxy", &through]).success();
    assert_same(&place, "plain");
    bootstrap(&place, &secure_url, "secure", &["--proxy", &through, "--cacert", "tls/ca.pem"]).success();
    assert_same(&place, "secure");

    let in_environment = |out: &str, mirror: &str, variables: &[(&str, &str)]| {
        let cache = format!("cache-{out}");
        let usual = [
            "--mirror",
            mirror,
            "--key",
            "mirror/keys/rootstrap-fixtures.asc",
            "--cache-dir",
            &cache,
            "--cacert",
            "tls/ca.pem",
            out,
        ];
        let mut command = place.command(&[&crate::place::MICRO, &usual[..]].concat());
        place.outcome(command.envs(variables.iter().copied()))
    };
    in_environment("by-http", &plain_url, &[("http_proxy", &through)]).success();
    in_environment("by-https", &secure_url, &[("https_proxy", &through)]).success();
    in_environment("by-all", &secure_url, &[("all_proxy", &through)]).success();
    let before = fs::read_to_string(place.path("squid/access.log")).unwrap().len();
    in_environment("past", &plain_url, &[("http_proxy", &through), ("no_proxy", "127.0.0.0/8")]).success();
    assert_eq!(fs::read_to_string(place.path("squid/access.log")).unwrap().len(), before, "the proxy was not asked");
    let asked = log(place.path("squid/access.log"));
    assert!(asked.iter().any(|line| line.contains(&format!("GET {plain_url}/"))), "{asked:?}");
    assert!(asked.iter().any(|line| line.contains(&format!("CONNECT {}", secure.address))), "{asked:?}");

    let gone = proxy.address;
    drop(proxy);
    let lost = bootstrap(&place, &plain_url, "lost", &["--proxy", &format!("http://me:hushhush@{gone}")]);
    assert!(lost.code == Some(1) && !lost.stderr.contains("hushhush"), "{}", lost.stderr);
}
