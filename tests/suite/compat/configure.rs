//! The dialogue of `--configure` beside s3cmd 2.4.0: the same questions, and a file that means the same.

use crate::compat::twins::original;
use crate::support::configure::{KEEP, OF_THE_MOMENT};
use crate::support::env::TestEnv;

#[test]
fn the_dialogue_and_the_file_are_those_of_s3cmd() {
    let Some(original) = original() else { return };
    let t = TestEnv::with_bucket();
    let presets = ["alibaba", "allas", "aws", "ceph", "digitalocean", "dreamobjects", "garage", "ibmcos"];
    let presets = presets.iter().chain(&["lumi-o", "minio", "netease", "scaleway", "wasabi"]);
    let theirs = |arguments: &str| {
        let mut call = t.s3cmd(arguments);
        call.program = original.clone();
        call
    };
    let base = std::fs::read_to_string(t.home(".s3cfg")).unwrap();
    for (arguments, answers) in [
        ("", format!("{KEEP}y\ny\n")),
        ("s3://BUCKET", format!("{KEEP}\nYES\n")),
        ("--region=eu --no-progress -v --limit=3", format!("{KEEP}n\ny\n")),
        ("", format!("AK\nSK\nr\nh:1\n%(bucket)s.h:1\np w\n/g\ny\nproxy\n81\n{}", "n\ny\n")),
        ("", format!("\nwrong\n{}y\nn\ny\n", &KEEP[2..])),
        ("", format!("{KEEP}n\nn\ny\n{KEEP}n\ny\n")),
        ("", "\u{e4}\n\"q\"\n".to_owned()),
    ] {
        let mut shown = Vec::new();
        let mut written = Vec::new();
        for ours in [false, true] {
            t.write_config(".s3cfg", &base);
            let line = format!("{arguments} --configure");
            let call = if ours { t.s3cmd(&line) } else { theirs(&line) };
            let run = call.stdin(&answers).run();
            let hint = "WARNING: What may have to be changed";
            let stderr: String = run.stderr.lines().filter(|line| !line.starts_with(hint)).collect();
            shown.push((run.code, run.stdout.clone(), stderr));
            let dump = theirs("--dump-config").run();
            let kept = dump
                .stdout
                .lines()
                .filter(|line| OF_THE_MOMENT.iter().all(|key| line.split(" = ").next() != Some(key)));
            written.push(kept.map(str::to_owned).collect::<Vec<_>>());
        }
        assert_eq!(shown[0], shown[1], "{arguments} {answers:?}");
        assert_eq!(written[0], written[1], "{arguments} {answers:?}");
    }
    for preset in presets {
        let file = t.home(preset);
        t.s3cmd(&format!("--configure --provider {preset}"))
            .arg("-c")
            .arg(&file)
            .stdin(format!("AK\nSK\n{}n\ny\n", &KEEP[2..]))
            .ok();
        let dumps =
            [theirs("--dump-config"), t.s3cmd("--dump-config")].map(|call| call.config(&file).ok().stdout);
        assert_eq!(dumps[0], dumps[1], "{preset}");
    }
}
