use tokio::time::sleep;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_filter_is_a_level_or_modules_with_levels() {
    for text in ["info", "INFO", "warn,switchyard=debug", "switchyard::engine=trace", "off"] {
        assert_eq!(filter(text).as_deref(), Ok(text));
    }
    assert_eq!(filter(" info,switchyard=debug\n").as_deref(), Ok("info,switchyard=debug"));
    let long = format!("info,{}=debug", "x".repeat(MAX_FILTER));
    for text in ["warning", "", "info,verbose", "switchyard=loud", "a=b=c", &long] {
        assert!(filter(text).unwrap_err().contains("write "), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_holds_until_the_next() {
    let (captured, logs) = Logs::captured("info");
    tracing::debug!("before");
    logs.set("switchyard=debug", None, "somebody").expect("good");
    tracing::debug!("between");
    logs.set("warn", None, "somebody").expect("good");
    tracing::info!("after");
    sleep(100 * LONGEST).await;

    let lines = captured.lines();
    let lines: Vec<_> = lines.iter().filter(|line| !line.contains("as somebody asked")).collect();
    assert_eq!(lines, ["DEBUG between"]);
    assert_eq!(logs.level(), Level { now: "warn".to_owned(), then: None });
}

#[tokio::test(start_paused = true)]
async fn after_its_time_the_one_for_good_is_back() {
    let (captured, logs) = Logs::captured("info");
    let level = logs.set("debug", Some(10 * SECOND), "somebody").expect("good");
    assert_eq!(level.to_string(), "debug for 10s, then info");
    sleep(9 * SECOND).await;
    tracing::debug!("within");
    assert_eq!(logs.level().then, Some(("info".to_owned(), SECOND)));
    sleep(2 * SECOND).await;
    tracing::debug!("after");

    let asked = "WARN the log level is debug for 10s, then info from now on, as somebody asked";
    assert_eq!(
        captured.lines(),
        [asked, "DEBUG within", "INFO the time of another log level is over: info again"]
    );
    assert_eq!(logs.level().to_string(), "info");
}

#[tokio::test(start_paused = true)]
async fn a_second_time_replaces_the_first_and_not_what_is_there_for_good() {
    let (_captured, logs) = Logs::captured("info");
    logs.set("debug", Some(10 * SECOND), "somebody").expect("good");
    sleep(5 * SECOND).await;
    logs.set("trace", Some(10 * SECOND), "somebody").expect("good");
    sleep(6 * SECOND).await;
    assert_eq!(logs.level().now, "trace");
    sleep(5 * SECOND).await;
    assert_eq!(logs.level().now, "info");
}

#[tokio::test(start_paused = true)]
async fn what_is_set_for_good_is_not_undone_by_a_time_before_it() {
    let (_captured, logs) = Logs::captured("info");
    logs.set("debug", Some(10 * SECOND), "somebody").expect("good");
    logs.set("warn", None, "somebody").expect("good");
    sleep(20 * SECOND).await;
    assert_eq!(logs.level(), Level { now: "warn".to_owned(), then: None });
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_changes_nothing_and_is_said() {
    let (_captured, logs) = Logs::captured("info");
    for (text, time) in [("loud", None), ("debug", Some(Duration::ZERO)), ("debug", Some(2 * LONGEST))] {
        assert!(logs.set(text, time, "somebody").unwrap_err().contains("write "), "{text} {time:?}");
    }
    assert_eq!(logs.level(), Level { now: "info".to_owned(), then: None });
}

#[test]
fn where_something_else_logs_there_is_no_level_of_ours() {
    // The subscriber of the process, for all tests of this binary: it takes nothing, as if there were none.
    tracing::subscriber::set_global_default(tracing::subscriber::NoSubscriber::new()).expect("the only one");
    assert!(Logs::init("info", LogFormat::Plain, None).is_none());
    assert!(Logs::of_process().is_none());
    assert!(Logs::init("info", LogFormat::Plain, None).is_none(), "nor for a second server");
}
