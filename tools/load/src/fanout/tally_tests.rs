use super::*;

const WINDOW: Window = Window {
    begin_us: 1_000,
    from_us: 2_000,
};

fn seen(numbers: &[u32]) -> Figures {
    let (mut tally, mut position) = (Tally::new(1), Position::default());
    tally.begin(WINDOW);
    for number in numbers {
        let marker = Marker {
            number: *number,
            at_us: 2_000,
        };
        tally.add(0, &mut position, marker, 2_500);
    }
    tally.figures()
}

#[test]
fn in_order_each_counts_once() {
    let figures = seen(&[0, 1, 2]);
    assert_eq!(
        (figures.delivered, figures.repeated, figures.reordered),
        (3, 0, 0)
    );
    assert_eq!(figures.latencies.iter().map(|(_, n)| n).sum::<u64>(), 3);
    assert_eq!(figures.slowest, [vec![500, 500, 500]]);
}

#[test]
fn what_is_lost_repeated_or_late_is_told_apart() {
    let counts = |numbers: &[u32]| {
        let figures = seen(numbers);
        (figures.delivered, figures.repeated, figures.reordered)
    };
    assert_eq!(counts(&[0, 2, 3]), (3, 0, 0), "1 is lost");
    assert_eq!(counts(&[0, 1, 1, 2]), (3, 1, 0), "1 came twice");
    assert_eq!(counts(&[0, 2, 1, 3]), (4, 0, 1), "1 came late");
    assert_eq!(counts(&[0, 2, 1, 1, 2]), (3, 2, 1), "late, then again");
}

#[test]
fn neither_another_runs_messages_nor_the_warm_up_are_counted() {
    let (mut tally, mut position) = (Tally::new(1), Position::default());
    let mut add = |tally: &mut Tally, number, at_us| {
        tally.add(0, &mut position, Marker { number, at_us }, 5_000)
    };
    assert!(!add(&mut tally, 9, 1_500), "before it is told its window");
    tally.begin(WINDOW);
    assert!(!add(&mut tally, 7, 999), "of another run");
    assert!(!add(&mut tally, 0, 1_999), "the warm-up");
    assert!(add(&mut tally, 1, 2_000));
    let figures = tally.figures();
    assert_eq!((figures.delivered, figures.repeated), (1, 0));
    assert_eq!(figures.slowest, [vec![0, 3_000]]);
}

#[test]
fn processes_are_merged_by_the_slowest_of_each_message() {
    let mut all = Figures::default();
    for (latencies, slowest) in [
        (vec![(5, 2)], vec![vec![5, 0], vec![]]),
        (vec![(7, 1)], vec![vec![3, 7, 9], vec![1]]),
    ] {
        all.merge(Figures {
            delivered: 2,
            latencies,
            slowest,
            ..Figures::default()
        });
    }
    assert_eq!(all.delivered, 4);
    assert_eq!(all.slowest, [vec![5, 7, 9], vec![1]]);
    assert_eq!(all.latencies, [(5, 2), (7, 1)]);
}
