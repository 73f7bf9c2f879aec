use std::process::Command;

use super::*;
use crate::finish::testing::{data, without_peer};

fn shell(text: &str) -> Recognised {
    recognise(&["/bin/sh".to_owned()], text.as_bytes())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn texts_whose_work_is_known() {
    for text in [
        "/sbin/ldconfig",
        "ldconfig\n",
        "# a comment\n/usr/sbin/ldconfig || :\nexit 0\nrm -rf /anything after the end\n",
        "/sbin/ldconfig > /dev/null 2>&1 || true; :",
        "if [ $1 -eq 1 ] ; then\n  ldconfig\nfi",
        "if [ \"$1\" = 0 ]; then rm -f /x; elif test ${1} -ge 1; then ldconfig &>/dev/null; else rm -f /y; fi",
        "[ -x /sbin/ldconfig ] && /sbin/ldconfig",
        "if [ -x /sbin/ldconfig ]; then /sbin/ldconfig; fi; ldconfig",
        "! false && ldconfig",
        "set -e\necho 'a | b' \"> c\" \\\n  more\nldconfig",
        "ldconfig\n[ -d /run/systemd/system ] && systemctl enable something",
    ] {
        assert_eq!(shell(text), Recognised::Replaced(vec![Job::Ldconfig]), "{text}");
    }
    for text in [
        "",
        "\n# nothing\n",
        ":",
        "exit 0",
        "restorecon /var 2>/dev/null >/dev/null || :\nrestorecon -r /usr/lib/debug/ 2>/dev/null >/dev/null || :\n",
        "if [ $1 -ge 2 ]; then\n  systemctl --no-reload preset a.service\nfi\n",
        "systemctl daemon-reload >/dev/null 2>&1 || :",
        "selinuxenabled && semodule -i x",
        "false && anything at all",
        "true || anything at all",
    ] {
        assert_eq!(shell(text), Recognised::Replaced(vec![]), "{text}");
    }
}

#[test]
fn one_thing_not_known_is_nothing_known() {
    for text in [
        "rm -f /x",
        "ldconfig; rm -f /x",
        "ldconfig && update-ca-trust",
        "[ -x /usr/bin/x ] && /usr/bin/x",
        "[ -x /usr/bin/x ] || /usr/bin/x",
        "if [ -e /x ]; then :; else touch /x; fi",
        "exit 1",
        "ldconfig /usr/local/lib",
        "ldconfig -n /x",
        "ldconfig > /etc/x",
        "echo x >> /etc/shells",
        "echo $(rm -f /x)",
        "echo `rm -f /x`",
        "echo \"`rm -f /x`\"",
        "echo $HOME",
        "echo $2",
        "ldconfig | cat",
        "ldconfig &",
        "( ldconfig )",
        "{ ldconfig; }",
        "f() { rm -f /x; }; f",
        "for i in a; do ldconfig; done",
        "case $1 in 1) rm /x;; esac",
        "A=b ldconfig",
        "PATH=/x\nldconfig",
        "systemctl preset a.service",
        "systemctl --root=/x daemon-reload",
        "systemctl daemon-reload --now",
        "/opt/bin/ldconfig",
        "if true; then ldconfig",
        "ldconfig <<EOF\nEOF",
        "'unclosed",
        "echo *",
        "[-x /x ]",
        "fi",
        "&& ldconfig",
        "ldconfig &&",
    ] {
        assert_eq!(shell(text), Recognised::Unknown, "{text}");
    }
    let deep = "if true; then ".repeat(10_000);
    assert_eq!(shell(&deep), Recognised::Unknown);
    assert_eq!(shell(&"! ".repeat(30_000)), Recognised::Unknown);
}

#[test]
fn interpreters() {
    let of = |interpreter: &str, text: &str| recognise(&words(interpreter), text.as_bytes());
    assert_eq!(of("/sbin/ldconfig", ""), Recognised::Replaced(vec![Job::Ldconfig]));
    assert_eq!(of("/sbin/ldconfig", "\n"), Recognised::Replaced(vec![Job::Ldconfig]));
    assert_eq!(of("/sbin/ldconfig", "/usr/lib"), Recognised::Unknown);
    assert_eq!(of("/bin/sh -e", "ldconfig"), Recognised::Replaced(vec![Job::Ldconfig]));
    assert_eq!(of("/bin/sh -c", "ldconfig"), Recognised::Unknown);
    assert_eq!(of("/usr/bin/python3", "exit 0"), Recognised::Unknown);
    assert_eq!(of("<lua>", ""), Recognised::Unknown);
    assert_eq!(of("", ""), Recognised::Unknown);
    assert_eq!(recognise(&words("/bin/sh"), b"\xff"), Recognised::Unknown);
}

#[test]
fn commands_of_lua_scriptlets() {
    // The arguments of glibc's scriptlet.
    let jobs =
        native_command(&words("/usr/sbin/iconvconfig -o /usr/lib64/gconv/gconv-modules.cache --nostdlib /usr/lib64/gconv"));
    let [job] = jobs.unwrap().try_into().unwrap();
    assert_eq!(job.to_string(), "iconvconfig -o /usr/lib64/gconv/gconv-modules.cache --nostdlib /usr/lib64/gconv");
    assert_eq!(native_command(&words("/usr/sbin/iconvconfig")).unwrap()[0].to_string(), "iconvconfig");
    assert_eq!(native_command(&words("/sbin/ldconfig")), Some(vec![Job::Ldconfig]));
    assert_eq!(native_command(&words("/usr/bin/systemctl daemon-reexec")), Some(vec![]));
    for unknown in ["", "/usr/bin/newaliases", "iconvconfig --prefix=/x", "iconvconfig -o", "test -x /x", "exit 0", "false"] {
        assert_eq!(native_command(&words(unknown)), None, "{unknown}");
    }
}

#[test]
fn jobs_without_their_program_say_so() {
    let mut tree = crate::tree::Tree::new();
    for job in [Job::Ldconfig, Job::Iconvconfig(crate::finish::iconvconfig::Request::default())] {
        assert_eq!(job.run(&mut tree, 0).unwrap(), [format!("a scriptlet runs {job}, which the root does not have")]);
    }
}

/// Covers every shell scriptlet of the micro image. All of them are recognized, so the report lists
/// none as skipped.
#[test]
fn the_scriptlets_of_the_micro_image() {
    let Some(data) = data() else { return };
    let mut seen = Vec::new();
    for package in std::fs::read_dir(data.join("almalinux/9/BaseOS/aarch64/os/Packages")).unwrap() {
        let format = "[%{TRANSFILETRIGGERSCRIPTPROG}\\a%{TRANSFILETRIGGERSCRIPTS}\\f]\
                      %{POSTTRANSPROG}\\a%{POSTTRANS}\\f%{POSTINPROG}\\a%{POSTIN}\\f%{PREINPROG}\\a%{PREIN}\\f";
        let Ok(output) = Command::new("rpm").args(["-qp", "--nosignature", "--qf", format]).arg(package.unwrap().path()).output()
        else {
            return without_peer("rpm");
        };
        for scriptlet in output.stdout.split(|&c| c == 0x0c) {
            let mut parts = scriptlet.split(|&c| c == 7);
            let (program, text) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let program = String::from_utf8_lossy(program).into_owned();
            if program.starts_with('/') {
                seen.push(recognise(&[program], text));
            }
        }
    }
    seen.sort_by_key(|recognised| format!("{recognised:?}"));
    // The restorecon of filesystem, and the triggers of glibc-common.
    let ldconfig = Recognised::Replaced(vec![Job::Ldconfig]);
    assert_eq!(seen, [ldconfig.clone(), ldconfig, Recognised::Replaced(vec![])]);
}
