use super::*;

fn report(delivered: u64, repeated: u64, reordered: u64) -> Report {
    Report {
        subject: Subject::Floor,
        viewers: 10,
        published: 3,
        behind_ms: 0.5,
        expected: 60,
        messages_per_frame: 2,
        figures: Figures {
            delivered,
            repeated,
            reordered,
            frames: delivered,
            packed_frames: delivered / 2,
            frame_bytes: delivered * 130,
            latencies: vec![(1_000, 20), (9_000, 10)],
            slowest: vec![vec![0, 9_000, 4_000], vec![2_000]],
            ..Figures::default()
        },
        open: Span::default(),
        run: Span::default(),
        before: Memory::default(),
        opened: Memory::default(),
    }
}

#[test]
fn only_what_came_whole_once_and_in_order_is_complete() {
    assert!(report(30, 0, 0).verdict().is_ok());
    for (delivered, repeated, reordered) in [(29, 0, 0), (31, 0, 0), (30, 1, 0), (30, 0, 1)] {
        let error = report(delivered, repeated, reordered)
            .verdict()
            .unwrap_err();
        assert!(error.to_string().contains("once and in order"), "{error}");
    }
    let mut ended = report(30, 0, 0);
    ended.figures.ended = 1;
    ended.figures.why = Some("the server closed with 4410".to_owned());
    assert!(ended.verdict().unwrap_err().to_string().contains("4410"));
}

#[test]
fn the_line_has_what_programs_read() {
    let line = report(30, 0, 0).json();
    assert_eq!(line["subject"], "floor");
    assert_eq!(line["delivered"], 60);
    assert_eq!(line["expected"], 60);
    assert_eq!(line["frame_bytes_mean"], 130.0);
    assert_eq!(line["packed_frames"], 15);
    let near = |name: &str, ms: f64| {
        let found = line[name].as_f64().unwrap();
        assert!((found - ms).abs() < 0.01 * ms, "{name}: {found}");
    };
    near("p50_ms", 1.0);
    near("max_ms", 9.0);
    near("last_p50_ms", 4.0);
    near("last_max_ms", 9.0);
    for path in [
        "/open/seconds",
        "/open/server_cpu_s",
        "/run/seconds",
        "/run/server_cpu_s",
        "/run/load_cpu_s",
        "/memory/pss_before",
        "/memory/pss_open",
        "/memory/slab_before",
        "/memory/slab_open",
        "/last_p99_ms",
        "/p99_ms",
    ] {
        assert!(line.pointer(path).unwrap().is_number(), "{path}");
    }
    assert!(report(30, 0, 0).table().contains("delivered 60"));
}
