use serde_json::json;

use super::*;

fn facts(name: &str) -> PackageFacts {
    PackageFacts {
        id: format!("{name}-1:2-3.noarch"),
        name: name.to_owned(),
        epoch: Some(1),
        version: "2".to_owned(),
        release: Some("3".to_owned()),
        summary: Some("</script><script>alert(1)</script><!-- {{script}}".to_owned()),
        url: Some("javascript:alert(1)".to_owned()),
        installed_size: 5,
        ..PackageFacts::default()
    }
}

fn page<'a>(packages: &'a [PackageFacts], needs: &'a [Vec<Need>]) -> Page<'a> {
    Page {
        name: "a<b>&\"c\"",
        kind: "a root file system",
        arch: None,
        release: None,
        packages,
        needs,
        requested: None,
        findings: None,
        difference: None,
        time: 0,
    }
}

/// Returns the data that the program would read.
fn data_of(html: &str) -> Value {
    let (_, rest) = html.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn what_packages_say_never_leaves_the_data() {
    let packages = [facts("</script><img src=x>")];
    let html = html(&page(&packages, &[]));
    assert_eq!(html.matches("<script").count(), 2);
    assert_eq!(html.matches("</script>").count(), 2);
    assert!(!html.contains("<img") && !html.contains("<!--"));
    assert!(html.contains("<title>a&lt;b&gt;&amp;&quot;c&quot; \u{2013} packages</title>"));
    let data = data_of(&html);
    assert_eq!(data["packages"][0]["summary"], packages[0].summary.as_deref().unwrap());
    assert_eq!(data["packages"][0]["version"], "1:2-3");
}

#[test]
fn nothing_comes_from_outside() {
    let html = html(&page(&[], &[]));
    assert!(html.contains("default-src 'none'"));
    for (begin, end) in [("<style>", "</style>"), ("<script>", "</script>")] {
        let text = html.split_once(begin).unwrap().1.split_once(end).unwrap().0;
        assert!(html.contains(&source_hash(text)), "the policy lets {begin} run");
    }
    // The only address is the name of a namespace.
    assert_eq!(html.matches("://").count(), 1);
    assert!(html.contains("http://www.w3.org/2000/svg"));
    assert!(!html.contains(" style=") && !html.contains("innerHTML") && !html.contains("eval("));
}

#[test]
fn the_data_tells_who_needs_whom() {
    let packages = [facts("a"), facts("b")];
    let needs = [
        vec![Need { package: 1, capabilities: vec!["x".into(), "y".into()] }, Need { package: 9, capabilities: vec![] }],
        vec![],
    ];
    let requested = [packages[0].id.clone()];
    let (findings, difference) = (json!({"findings": []}), json!({"added": []}));
    let page = Page {
        requested: Some(&requested),
        findings: Some(&findings),
        difference: Some(("other", &difference)),
        ..page(&packages, &needs)
    };
    let data = data_of(&html(&page));
    assert_eq!(data["packages"][0]["needs"], json!([[1, "x, y"]]));
    assert_eq!((&data["packages"][0]["asked"], &data["packages"][1]["asked"]), (&json!(true), &json!(false)));
    assert_eq!((&data["findings"], &data["diff"], &data["other"]), (&findings, &difference, &json!("other")));
}
