//! Tests of `audit --html`: the page contains the set and the findings, and needs no other files.
//! `tests/page` tests it in a browser.

use serde_json::Value;

use crate::place::Place;

/// Returns the data that the page's script reads.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_page_holds_the_set_and_its_findings() {
    let place = Place::new();
    place.bootstrap(&["out"]).success();
    place.bootstrap(&["before"]).success();
    let list: Value = serde_json::from_str(&place.run(&["list", "out", "--format", "json"]).success().stdout).unwrap();
    let audit = place.run(&["audit", "out", "--html", "page.html", "--format", "json", "--only", "unknown-key,setuid"]);
    assert_eq!(audit.code, Some(5), "{}", audit.stderr);
    let found: Value = serde_json::from_str(&audit.stdout).unwrap();
    let page = std::fs::read_to_string(place.path("page.html")).unwrap();
    let data = data(&page);
    assert_eq!(data["findings"]["findings"], found["findings"]);
    assert!(!found["findings"].as_array().unwrap().is_empty());
    let ids = |packages: &Value| {
        packages.as_array().unwrap().iter().map(|package| package["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&data["packages"]), ids(&list["packages"]));
    assert!(data["packages"].as_array().unwrap().iter().any(|package| !package["needs"].as_array().unwrap().is_empty()));
    assert!(page.contains("default-src 'none'"));
    let again = place.run(&["audit", "out", "--html", "again.html", "--only", "unknown-key,setuid"]);
    assert_eq!(again.code, Some(5));
    assert_eq!(std::fs::read_to_string(place.path("again.html")).unwrap(), page, "the same set is the same page");
    std::fs::write(place.path("before/usr/lib/os-release"), "ID=almalinux\n").unwrap();
    let other = place.run(&["audit", "out", "--html", "page.html", "--diff-to", "before", "--only", "duplicate"]);
    other.success();
    let data = self::data(&std::fs::read_to_string(place.path("page.html")).unwrap());
    assert_eq!(data["other"], "before");
    let changed: Vec<_> =
        data["diff"]["files"]["changed"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(changed, ["/usr/lib/os-release"]);
    assert_eq!(place.run(&["audit", "out", "--html", "no/such/page.html"]).code, Some(1));
}
