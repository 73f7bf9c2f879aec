//! Tests of the HTML page in a real browser: search, sorting, navigation by keyboard, in light and
//! dark.
//!
//! Screenshots are written below `target/tmp/page`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells why it was skipped"
)]

mod browser;

use std::path::{Path, PathBuf};

use browser::{Browser, DOWN, END, ENTER, ESCAPE, HOME, LEFT, RIGHT};
use rootstrap::audit::needs::Need;
use rootstrap::audit::page::{Page, html};
use rootstrap::package::PackageFacts;
use serde_json::{Value, json};

const COUNT: usize = 2_000;
const HOSTILE: &str = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'>";

/// Returns a reproducible pseudorandom number.
fn noise(seed: usize) -> usize {
    let mut x = (seed as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 16) as usize
}

fn package(place: usize) -> PackageFacts {
    let summary = if place == 7 { HOSTILE.to_owned() } else { format!("What number {place} is for") };
    PackageFacts {
        id: format!("package-{place:04}-0:1.{place}-1.el9.x86_64"),
        name: format!("package-{place:04}"),
        epoch: Some(0),
        version: format!("1.{place}"),
        release: Some("1.el9".into()),
        arch: Some("x86_64".into()),
        summary: Some(summary),
        description: Some(HOSTILE.into()),
        license: Some(["MIT", "GPLv2+", "BSD", "LGPLv2+"][noise(place) % 4].into()),
        vendor: Some("Somebody".into()),
        url: Some("javascript:window.broken=3".into()),
        source: Some(format!("source-{}-1-1.src.rpm", place / 4)),
        build_time: Some(1_600_000_000 + (noise(place) % 100_000_000) as i64),
        installed_size: 1_000 + (noise(place) % 9_000_000) as u64,
        ..PackageFacts::default()
    }
}

struct Set {
    packages: Vec<PackageFacts>,
    needs: Vec<Vec<Need>>,
    requested: Vec<String>,
    findings: Value,
    difference: Value,
}

/// Returns a set as large as a distribution: most packages need some of those before them.
fn set() -> Set {
    let packages: Vec<PackageFacts> = (0..COUNT).map(package).collect();
    let needs = (0..COUNT)
        .map(|place| {
            let mut needed: Vec<usize> = (0..noise(place) % 9).map(|n| noise(place * 31 + n) % (place / 3 + 1)).collect();
            needed.sort_unstable();
            needed.dedup();
            let need = |package| Need { package, capabilities: vec![format!("lib{package}.so.1()(64bit)")] };
            needed.into_iter().filter(|&other| other != place).map(need).collect()
        })
        .collect();
    let requested = packages.iter().step_by(97).map(|package| package.id.clone()).collect();
    let finding = |n: usize| {
        let severity = ["critical", "important", "moderate", "low", "info"][n % 5];
        json!({"kind": "advisory", "id": format!("ALSA-2024:{n:04}"), "package": packages[n * 7].name, "installed": "0:1-1", "fixed": "2-1",
            "severity": severity, "message": format!("Security update {n}"), "action": "upgrade it", "cves": ["CVE-2024-0001"],
            "url": "https://errata.almalinux.org/9/"})
    };
    let findings = json!({"schema": 1, "findings": (0..120).map(finding).collect::<Vec<_>>(), "summary": {}});
    let upgraded = json!([{"name": packages[3].name, "from": "1-1", "to": "1.3-1.el9"}, {"name": packages[4].name, "from": "0.9-1", "to": "1.4-1.el9"}]);
    let difference = json!({"schema": 1, "packages": {"added": [{"name": packages[5].name, "size": 70_000}], "removed": [], "upgraded": upgraded},
        "files": {"changed": [{"path": "/etc/passwd", "package": packages[4].id, "changes": [{"what": "mode", "from": "644", "to": "666"}]}],
            "new_risks": [{"path": "/usr/bin/su", "risk": "setuid", "mode": "4755", "package": packages[3].id}]},
        "advisories": {"fixed": [finding(1)], "introduced": []}});
    Set { packages, needs, requested, findings, difference }
}

impl Set {
    fn write(&self, file: &Path) {
        let page = Page {
            name: "images:big",
            kind: "an image",
            arch: Some("x86_64"),
            release: Some("AlmaLinux 9.3 (Shamrock Pampas Cat)"),
            packages: &self.packages,
            needs: &self.needs,
            requested: Some(&self.requested),
            findings: Some(&self.findings),
            difference: Some(("images:before", &self.difference)),
            time: 1_700_000_000,
        };
        std::fs::write(file, html(&page)).unwrap();
    }
}

fn pictures() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Returns the name in a visible row of the table, counted from one.
fn name_in_row(browser: &Browser, row: usize) -> String {
    browser.text(&format!("document.querySelectorAll('#packages tr[data-place] td.name')[{}].textContent", row - 1))
}

/// Script for the contrast of a text with its background, by the formula of WCAG 2.2.
const CONTRAST: &str = "((...selectors) => {
    const paint = color => { const c = document.createElement('canvas').getContext('2d', {willReadFrequently: true}); c.fillStyle = color; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
    const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (paint(c)[3] === 255) return c; } return 'white'; };
    return selectors.map(selector => {
        const e = document.querySelector(selector);
        if (!e) return [selector, 0];
        const [a, b] = [light(paint(getComputedStyle(e).color)), light(paint(behind(e)))].sort((x, y) => y - x);
        return [selector, (a + .05) / (b + .05)];
    });
})";

#[test]
fn a_big_set_is_searched_sorted_and_opened_from_the_keyboard() {
    let Some(browser) = Browser::start() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("page.html");
    let set = set();
    set.write(&file);
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        browser.open(&file);
        let picture = |name: &str| browser.picture(&pictures().join(format!("{scheme}-{name}.png")));
        assert_eq!(browser.text("document.documentElement.className"), scheme);
        assert_eq!(browser.value("packages.getAttribute('aria-rowcount')"), (COUNT + 1).to_string());
        picture("set");

        // Search: the keys go to the field, the table follows.
        browser.press("/package-19".chars());
        assert_eq!(browser.text("document.activeElement.id"), "search");
        assert!(browser.text("document.getElementById('status').textContent").starts_with("100 of 2,000 packages"));
        browser.press(" gplv2".chars());
        let found = set.packages[1_900..].iter().filter(|package| package.license.as_deref().unwrap().contains("GPLv2")).count();
        assert_eq!(browser.value("packages.getAttribute('aria-rowcount')"), (found + 1).to_string());
        browser.press([ESCAPE]);
        assert_eq!(browser.value("packages.getAttribute('aria-rowcount')"), (COUNT + 1).to_string());

        // Sort: by the largest, then by the smallest.
        let mut sizes: Vec<(u64, &str)> =
            set.packages.iter().map(|package| (package.installed_size, package.name.as_str())).collect();
        sizes.sort_unstable();
        browser.value("document.querySelector('[data-column=size] button').focus()");
        browser.press([ENTER]);
        assert_eq!(browser.text("document.querySelector('[data-column=size]').getAttribute('aria-sort')"), "descending");
        assert_eq!(name_in_row(&browser, 1), sizes[COUNT - 1].1);
        browser.press([ENTER]);
        assert_eq!(name_in_row(&browser, 1), sizes[0].1);

        // Open: from the field into the table, down, to the end and back.
        browser.press(['/', DOWN, DOWN, END, HOME, DOWN, DOWN, ENTER]);
        assert_eq!(browser.text("document.activeElement.id"), "chosen");
        assert_eq!(browser.text("chosen.textContent"), sizes[2].1);
        assert!(browser.text("decodeURIComponent(location.hash)").contains(sizes[2].1));
        assert!(browser.value("document.querySelectorAll('#graph .node').length").as_u64().unwrap() > 0);
        picture("package");
        browser.press([ESCAPE]);
        assert_eq!(browser.text("document.activeElement.id"), "packages");
        assert_eq!(browser.value("document.getElementById('chosen')"), Value::Null);

        // The graph leads on.
        browser.press("/package-0003".chars().chain([DOWN, ENTER]));
        browser.value("document.querySelector('#graph .center').focus()");
        browser.press([LEFT, ENTER]);
        let neighbour = browser.text("chosen.textContent");
        let place = set.packages.iter().position(|package| package.name == neighbour).unwrap();
        assert!(set.needs[place].iter().any(|need| need.package == 3), "{neighbour} needs package-0003");
        picture("graph");

        // All that needs it, directly or not, is one step away.
        browser.value("[...document.querySelectorAll('#detail .facts .link')].find(link => link.textContent.includes('directly or not')).click()");
        let told = browser.text("document.querySelector('#detail .facts .link').textContent");
        let count = browser.value("packages.getAttribute('aria-rowcount')").as_str().unwrap().parse::<usize>().unwrap() - 1;
        assert!(told.replace(',', "").starts_with(&format!("{count} package")), "{told}: {count}");

        // The address brings back what was seen.
        browser.reload();
        assert_eq!(browser.text("chosen.textContent"), neighbour);
        browser.press([ESCAPE, ESCAPE]);

        // The picture of sizes.
        browser.press("2".chars());
        assert_eq!(browser.value("document.querySelectorAll('#panel-size .map .tile').length"), COUNT);
        browser.value("document.querySelector('#panel-size .map .tile[tabindex=\"0\"]').focus()");
        let first = browser.text("document.activeElement.getAttribute('data-place')");
        browser.press([RIGHT, DOWN]);
        assert_ne!(browser.text("document.activeElement.getAttribute('data-place')"), first);
        picture("size");
        browser.press([ENTER]);
        assert!(!browser.text("chosen.textContent").is_empty());
        browser.press([ESCAPE]);

        // Findings and changes.
        browser.press("3".chars());
        assert!(browser.text("document.getElementById('status').textContent").starts_with("120 of 120 findings"));
        picture("findings");
        let contrast = browser.value(&format!(
            "{CONTRAST}('h1', '#subtitle', '.tabs [aria-selected=false]', '.mark.critical', '.mark.important', '.mark.moderate', '.mark.low', '.mark.info', '#panel-findings .link', '#status')"
        ));
        for row in contrast.as_array().unwrap() {
            assert!(row[1].as_f64().unwrap() >= 4.5, "{scheme}: {row}");
        }
        browser.press("4".chars());
        assert!(browser.text("document.getElementById('status').textContent").starts_with("6 changes"));
        picture("changes");
        browser.press("?".chars());
        assert_eq!(browser.value("keys.open"), true);
        picture("keys");
        browser.press([ESCAPE]);

        // What a package says of itself stays a text.
        browser.press("1/package-0007".chars().chain([DOWN, ENTER]));
        assert_eq!(browser.text("document.querySelector('#detail .lead').textContent"), HOSTILE);
        assert_eq!(browser.value("window.broken"), Value::Null);
        assert_eq!(browser.value("document.querySelectorAll('img, a[href^=\"javascript\"]').length"), 0);
        let complaints = browser.complaints();
        assert!(complaints.is_empty(), "{complaints:?}");
    }
}
