//! Several runs at the same time on one destination.

use crate::support::env::TestEnv;
use crate::support::interrupting_proxy::content;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Pseudo-random numbers, the same in each run.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(seed), |last| {
        Some(last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|number| number >> 33)
}

#[test]
fn concurrent_runs_on_one_destination_do_not_interfere() {
    let t = TestEnv::with_bucket();
    let sizes: [u64; 5] = [10, 70_000, 400_000, 3 << 20, 40 << 20];
    for (index, size) in sizes.iter().enumerate() {
        t.object(&format!("p/k{index}"), content(*size));
    }
    t.dir("d");
    let done = AtomicBool::new(false);
    let paths: Vec<_> = (0..sizes.len()).map(|index| t.path(format!("d/k{index}"))).collect();
    let seen_half = std::thread::scope(|scope| {
        // A final name never shows anything but the whole object.
        let watcher = scope.spawn(|| {
            let mut half = Vec::new();
            while !done.load(Ordering::Relaxed) {
                for (path, size) in paths.iter().zip(sizes) {
                    if let Ok(found) = std::fs::metadata(path)
                        && found.len() != size
                    {
                        half.push(format!("{}: {} of {size}", path.display(), found.len()));
                    }
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            half
        });
        let mut chance = numbers(7);
        for round in 0..6 {
            let command = ["get -r --force s3://BUCKET/p/ d", "sync s3://BUCKET/p/ d/"][round % 2];
            if round % 2 == 1 {
                let _ = std::fs::remove_dir_all(t.path("d"));
                t.dir("d");
            }
            let started = Instant::now();
            let mut runs: Vec<(Child, Option<Duration>)> = (0..5)
                .map(|run| {
                    let killed = chance.next().expect("they never end");
                    let after = (run < 2).then(|| Duration::from_millis(killed % 900));
                    (t.s3cmd(command).start(&t.home(&format!("errors-{run}"))), after)
                })
                .collect();
            for (child, after) in &mut runs {
                if let Some(after) = after {
                    std::thread::sleep(after.saturating_sub(started.elapsed()));
                    let _ = child.kill();
                }
            }
            for (run, (mut child, after)) in runs.into_iter().enumerate() {
                let status = child.wait().expect("it ends");
                let errors = std::fs::read_to_string(t.home(&format!("errors-{run}"))).unwrap_or_default();
                let fine = after.is_some() && status.code().is_none() || status.code() == Some(0);
                assert!(fine && errors.is_empty(), "round {round}, run {run}, {command}: {status}\n{errors}");
            }
            for (index, size) in sizes.iter().enumerate() {
                assert!(t.read(format!("d/k{index}")) == content(*size), "round {round}, k{index}");
            }
        }
        done.store(true, Ordering::Relaxed);
        watcher.join().expect("it watches")
    });
    assert!(seen_half.is_empty(), "{seen_half:?}");
    // The next runs remove what the killed ones left.
    t.s3cmd("get -r --force s3://BUCKET/p/ d").ok();
    t.s3cmd("sync s3://BUCKET/p/ d/").ok();
    assert_eq!(t.files("d"), ["k0", "k1", "k2", "k3", "k4"]);
}
