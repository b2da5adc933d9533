use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::report::{Report, Verdict};

/// A report that says nothing but its verdict.
fn report(verdict: Verdict) -> Report {
    let word = submissions::word(verdict);
    let canvas = serde_json::json!({ "width": 480, "height": 640 });
    let file = serde_json::json!({ "name": "a.jpg", "sha256": "", "bytes": 5, "format": "jpeg", "width": 480,
        "height": 640, "dpi": 300.0, "jpeg_quality": 90.0, "exif": {} });
    let stages = serde_json::json!({ "photo": 0.1, "face": 0.0, "scene": 0.0, "checks": 0.0, "total": 0.25 });
    serde_json::from_value(
        serde_json::json!({ "schema": 1, "id": "r", "engine": "0", "verdict": word, "fixable": false,
        "profile": { "id": "zikao-graduation", "version": "7", "canvas": canvas }, "file": file, "face": null,
        "checks": [], "not_checked": [], "actions": [], "timings_ms": stages }),
    )
    .expect("a report")
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + day * 86_400).expect("a time")
}

fn by(name: &str) -> Signed<'_> {
    Signed { by: name, at: day(0) }
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Store::open(&dir.path().join("made/on/the/way")).expect("opens");
    (dir, store)
}

fn submit(store: &Store, photo: &[u8], state: State, signed: Signed<'_>) -> Submission {
    let report = report(Verdict::Review);
    let new = NewSubmission { photo, report: &report, reference: None, file_name: None, state };
    store.submit(&new, signed).expect("keeps")
}

fn decision(outcome: Outcome, after: u32) -> NewDecision<'static> {
    NewDecision { outcome, reasons: &[], note: "looked at", after }
}

fn events(store: &Store) -> Vec<(Event, String)> {
    let page = store.audit(None, None, 1000).expect("reads");
    page.rows.into_iter().map(|entry| (entry.event, entry.who)).collect()
}

fn files(store: &Store) -> usize {
    store.photos.all().expect("lists").len()
}

#[test]
fn a_submission_is_kept_with_its_report_and_read_after_a_restart() {
    let (dir, store) = store();
    let report = report(Verdict::Reject);
    let new = NewSubmission {
        photo: b"photo",
        report: &report,
        reference: Some("准考证 0110"),
        file_name: Some("张三.jpg"),
        state: State::Rejected,
    };
    let kept = store.submit(&new, by("portal")).expect("keeps");
    assert_eq!((kept.seq, kept.state, kept.decisions, kept.outcome), (1, State::Rejected, 0, None));
    assert_eq!(kept.sha256, "55c64d0fcd6f9d5f7c828093857e3fdfda68478bb4e9bd24d481ef391c7804e8");
    drop(store);
    let store = Store::open(&dir.path().join("made/on/the/way")).expect("opens again");
    let full = store.full(&kept.id).expect("there");
    assert_eq!(full.submission, kept);
    assert_eq!(serde_json::from_str::<Report>(&full.report).expect("a report"), report);
    assert_eq!(store.photo(&kept).expect("reads"), b"photo");
    assert!(matches!(store.full(&SubmissionId::random().expect("random")), Err(StoreError::Unknown(_))));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, store) = store();
    let kept = submit(&store, b"photo", State::Waiting, by("portal"));
    let root = dir.path().join("made/on/the/way");
    let photo = format!("photos/{}", kept.photo);
    for (name, mode) in [("", 0o700), ("lock", 0o600), ("review.db", 0o600), ("review.db-wal", 0o600), (&photo, 0o600)]
    {
        let found = fs::metadata(root.join(name)).expect("there").permissions().mode() & 0o777;
        assert_eq!(found, mode, "{name}");
    }
}

#[test]
fn texts_that_act_or_do_not_end_are_refused() {
    let (_dir, store) = store();
    let report = report(Verdict::Accept);
    let long = "长".repeat(NAME_MAX + 1);
    for text in ["a\nb", "a\0", "\u{202e}gpj", &long] {
        let new =
            NewSubmission { photo: b"x", report: &report, reference: None, file_name: None, state: State::Accepted };
        for new in [NewSubmission { reference: Some(text), ..new }, NewSubmission { file_name: Some(text), ..new }] {
            assert!(matches!(store.submit(&new, by("p")), Err(StoreError::Text { .. })), "{text:?}");
        }
    }
    assert_eq!((files(&store), events(&store).len()), (0, 0));
}

#[test]
fn one_photo_sent_twice_is_one_file_until_both_are_deleted() {
    let (_dir, store) = store();
    let first = submit(&store, b"same", State::Waiting, by("a"));
    let second = submit(&store, b"same", State::Waiting, by("b"));
    submit(&store, b"other", State::Waiting, by("b"));
    assert_ne!(first.id, second.id);
    assert_eq!(files(&store), 2);
    store.delete(&first.id, by("admin")).expect("deletes");
    assert_eq!(store.photo(&second).expect("still there"), b"same");
    store.delete(&second.id, by("admin")).expect("deletes");
    assert_eq!(files(&store), 1);
    assert!(matches!(store.delete(&second.id, by("admin")), Err(StoreError::Unknown(_))));
}

#[test]
fn the_first_of_two_reviewers_wins_and_every_decision_stays() {
    let (_dir, store) = store();
    let id = submit(&store, b"x", State::Waiting, by("portal")).id;
    assert_eq!(store.waiting().expect("counts"), 1);
    let reasons = ["eyes.open".to_owned(), "eyes.open".to_owned()];
    let reject = NewDecision { reasons: &reasons, ..decision(Outcome::Reject, 0) };
    assert_eq!(store.decide(&id, &reject, by("one")).expect("decides").reasons, ["eyes.open"]);
    let late = store.decide(&id, &decision(Outcome::Accept, 0), by("two"));
    assert!(matches!(late, Err(StoreError::Raced { seen: 0, there: 1 })), "{late:?}");
    store.decide(&id, &decision(Outcome::Accept, 1), by("two")).expect("has seen it");
    let full = store.full(&id).expect("there");
    assert_eq!((full.submission.state, full.submission.outcome), (State::Decided, Some(Outcome::Accept)));
    assert_eq!(full.decisions.iter().map(|d| (d.number, d.by.as_str())).collect::<Vec<_>>(), [(1, "one"), (2, "two")]);
    assert_eq!(store.waiting().expect("counts"), 0);
    let names = ["portal", "one", "two"].map(str::to_owned);
    let [a, b, c] = names;
    assert_eq!(events(&store), [(Event::Submitted, a), (Event::Decided, b), (Event::Reconsidered, c)]);
    let decided = store.decided().expect("lists");
    assert_eq!(decided.iter().map(|row| row.outcome).collect::<Vec<_>>(), [Outcome::Accept]);
}

#[test]
fn decisions_that_cannot_be_kept_leave_nothing() {
    let (_dir, store) = store();
    let id = submit(&store, b"x", State::Waiting, by("portal")).id;
    let unknown = ["eyes.opne".to_owned()];
    let long = "长".repeat(NOTE_MAX + 1);
    let plain = decision(Outcome::Reject, 0);
    let fits = |new| store.decide(&id, &new, by("one"));
    assert!(
        matches!(fits(NewDecision { reasons: &unknown, ..plain }), Err(StoreError::UnknownReason(id)) if id == "eyes.opne")
    );
    assert!(matches!(fits(NewDecision { note: &long, ..plain }), Err(StoreError::Text { field: "note", .. })));
    assert!(matches!(fits(NewDecision { note: "\u{1b}[2J", ..plain }), Err(StoreError::Text { .. })));
    assert!(matches!(fits(NewDecision { note: " \n", ..plain }), Err(StoreError::NoReason)));
    assert_eq!(store.full(&id).expect("there").decisions, []);
    assert!(fits(NewDecision { note: "two\nlines\tof 2000", ..plain }).is_ok());
}

#[test]
fn the_audit_cannot_be_changed_and_outlives_what_it_tells_of() {
    let (_dir, store) = store();
    let id = submit(&store, b"x", State::Waiting, by("portal")).id;
    store.decide(&id, &decision(Outcome::Accept, 0), by("one")).expect("decides");
    for sql in [
        "UPDATE audit SET who = 'nobody'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT seq, at, 'nobody', event, submission, sha256, verdict FROM audit",
        "UPDATE decisions SET outcome = 'reject'",
    ] {
        let error = store.db().execute(sql, []).expect_err(sql).to_string();
        assert!(error.contains("append-only") || error.contains("supersedes"), "{sql}: {error}");
    }
    store.delete(&id, by("admin")).expect("deletes");
    let page = store.audit(Some(&id), None, 10).expect("reads");
    let told: Vec<_> = page.rows.iter().map(|entry| (entry.event, entry.verdict)).collect();
    let expected =
        [(Event::Submitted, Some(Verdict::Review)), (Event::Decided, Some(Verdict::Accept)), (Event::Deleted, None)];
    assert_eq!(told, expected);
    let rows: i64 = store.db().query_row("SELECT count(*) FROM decisions", [], |row| row.get(0)).expect("counts");
    assert_eq!(rows, 0, "notes are gone with the submission");
}

#[test]
fn what_is_deleted_is_in_no_file_any_more() {
    let (dir, store) = store();
    let report = report(Verdict::Review);
    let reference = Some("SECRET-REFERENCE");
    let new = NewSubmission { photo: b"x", report: &report, reference, file_name: None, state: State::Waiting };
    let id = store.submit(&new, by("portal")).expect("keeps").id;
    let holds = || {
        let read = |name| fs::read(dir.path().join("made/on/the/way").join(name)).unwrap_or_default();
        [read("review.db"), read("review.db-wal")].concat().windows(16).any(|bytes| bytes == b"SECRET-REFERENCE")
    };
    assert!(holds());
    store.delete(&id, by("admin")).expect("deletes");
    assert!(!holds());
}

#[test]
fn what_is_too_old_goes_and_the_rest_stays() {
    let (_dir, store) = store();
    let at = |at| Signed { by: "portal", at };
    let old = submit(&store, b"old", State::Waiting, at(day(0)));
    let shared = submit(&store, b"shared", State::Accepted, at(day(1)));
    let young = submit(&store, b"shared", State::Decided, at(day(2)));
    assert_eq!(store.expire(day(2), by("retention")).expect("expires"), 2);
    assert!(matches!(store.submission(&old.id), Err(StoreError::Unknown(_))));
    assert!(matches!(store.submission(&shared.id), Err(StoreError::Unknown(_))));
    assert_eq!(store.photo(&young).expect("still named"), b"shared");
    assert_eq!(store.expire(day(2), by("retention")).expect("expires"), 0);
    assert_eq!(events(&store).iter().filter(|(event, who)| *event == Event::Expired && who == "retention").count(), 2);
    assert_eq!(submit(&store, b"new", State::Waiting, by("portal")).seq, 4, "no place is given twice");
}

#[test]
fn a_crash_between_file_and_row_is_cleaned_up_at_the_next_start() {
    let (dir, store) = store();
    let kept = submit(&store, b"whole", State::Waiting, by("portal"));
    let stray = Photos::name(&"ab".repeat(32), "jpeg");
    store.photos.put(&stray, b"no row").expect("writes");
    fs::write(store.photos().join("ab/.new-half"), "ha").expect("writes");
    assert_eq!(files(&store), 3);
    drop(store);
    let store = Store::open(&dir.path().join("made/on/the/way")).expect("opens again");
    assert_eq!(store.photos.all().expect("lists"), [kept.photo]);
}

#[test]
fn a_row_that_cannot_be_written_leaves_no_file() {
    let (_dir, store) = store();
    let full = "CREATE TRIGGER full BEFORE INSERT ON submissions BEGIN SELECT RAISE(ABORT, 'full'); END";
    store.db().execute_batch(full).expect("a trigger");
    let report = report(Verdict::Review);
    let new = NewSubmission { photo: b"x", report: &report, reference: None, file_name: None, state: State::Waiting };
    assert!(matches!(store.submit(&new, by("portal")), Err(StoreError::Database(_))));
    assert_eq!((files(&store), events(&store).len()), (0, 0));
}

#[test]
fn two_services_do_not_share_a_folder() {
    let (dir, store) = store();
    let path = dir.path().join("made/on/the/way");
    let error = Store::open(&path).expect_err("taken");
    assert!(matches!(error, StoreError::InUse { .. }) && error.to_string().contains("another service"), "{error}");
    drop(store);
    assert!(Store::open(&path).is_ok());
}

#[test]
fn folders_that_cannot_be_used_are_refused_with_their_reason() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    fs::write(at("file"), "x").expect("writes");
    assert!(matches!(Store::open(&at("file")), Err(StoreError::Folder { .. })));

    drop(Store::open(&at("newer")).expect("opens"));
    let db = Connection::open(at("newer/review.db")).expect("opens");
    db.pragma_update(None, "user_version", 99).expect("sets");
    drop(db);
    let error = Store::open(&at("newer")).expect_err("newer");
    assert!(matches!(error, StoreError::Newer { found: 99, known: 2, .. }), "{error}");

    fs::create_dir(at("foreign")).expect("makes");
    let db = Connection::open(at("foreign/review.db")).expect("opens");
    db.execute_batch("CREATE TABLE recipes (id INTEGER)").expect("makes");
    drop(db);
    assert!(matches!(Store::open(&at("foreign")), Err(StoreError::Foreign { .. })));

    fs::create_dir(at("text")).expect("makes");
    fs::write(at("text/review.db"), "dear diary, ".repeat(100)).expect("writes");
    assert!(matches!(Store::open(&at("text")), Err(StoreError::Foreign { .. })));

    submit(&Store::open(&at("lost")).expect("opens"), b"x", State::Waiting, by("portal"));
    for name in ["review.db", "review.db-wal", "review.db-shm"] {
        let _ = fs::remove_file(at("lost").join(name));
    }
    assert!(matches!(Store::open(&at("lost")), Err(StoreError::Lost { .. })), "a restored photo is not thrown away");
}

/// Every page until the end.
fn walk(store: &Store, filter: &Filter, limit: usize, mut between: impl FnMut(usize)) -> Vec<i64> {
    let (mut seen, mut after) = (Vec::new(), None);
    for number in 0.. {
        let page = store.list(filter, after, limit).expect("lists");
        assert!(page.rows.len() <= limit);
        seen.extend(page.rows.iter().map(|submission| submission.seq));
        after = page.next;
        if after.is_none() {
            break;
        }
        between(number);
    }
    seen
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever comes and goes between two pages, what stays comes once and in order.
    #[test]
    fn pages_have_no_gaps_and_no_repeats(
        states in proptest::collection::vec(0..State::ALL.len(), 0..30),
        limit in 1_usize..9,
        newest_first: bool,
        deleted in proptest::collection::vec(0_usize..30, 0..8),
    ) {
        let (_dir, store) = store();
        // Nothing here is about power cuts, and waiting for the disk is nearly all of the time.
        store.db().pragma_update(None, "synchronous", "OFF").expect("sets");
        let state = |index: &usize| State::ALL[*index];
        let all: Vec<_> = states.iter().map(|index| submit(&store, b"x", state(index), by("p"))).collect();
        let filter = Filter { state: Some(State::Waiting), newest_first, ..Filter::default() };
        let mut victims = deleted.iter().filter_map(|index| all.get(*index));
        let mut gone = Vec::new();
        let seen = walk(&store, &filter, limit, |number| {
            // Not for ever: who comes in as fast as pages are read is read for ever.
            if number < 8 {
                submit(&store, b"x", State::Waiting, by("late"));
            }
            if let Some(victim) = victims.next().filter(|victim| store.delete(&victim.id, by("admin")).is_ok()) {
                gone.push(victim.seq);
            }
        });
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        sorted.dedup();
        prop_assert_eq!(sorted.len(), seen.len(), "no repeats");
        let in_order = seen.is_sorted_by(|a, b| if newest_first { a > b } else { a < b });
        prop_assert!(in_order, "{seen:?}");
        for kept in all.iter().filter(|kept| kept.state == State::Waiting && !gone.contains(&kept.seq)) {
            prop_assert!(seen.contains(&kept.seq), "no gaps: {} in {seen:?}", kept.seq);
        }
    }
}

#[test]
fn lists_are_filtered() {
    let (_dir, store) = store();
    let report = report(Verdict::Review);
    for (reference, state) in [("a", State::Waiting), ("b", State::Waiting), ("a", State::Accepted)] {
        let reference = Some(reference);
        let new = NewSubmission { photo: b"x", report: &report, reference, file_name: None, state };
        store.submit(&new, by("p")).expect("keeps");
    }
    let seqs = |filter| walk(&store, &filter, 10, |_| {});
    assert_eq!(seqs(Filter { reference: Some("a".into()), ..Filter::default() }), [1, 3]);
    assert_eq!(seqs(Filter { reference: Some("a".into()), state: Some(State::Waiting), ..Filter::default() }), [1]);
    assert_eq!(seqs(Filter { profile: Some("gaokao".into()), ..Filter::default() }), [] as [i64; 0]);
    assert_eq!(seqs(Filter { newest_first: true, ..Filter::default() }), [3, 2, 1]);
    // What looks like a condition is only a text.
    assert_eq!(seqs(Filter { reference: Some("' OR 1=1 --".into()), ..Filter::default() }), [] as [i64; 0]);
}

#[test]
fn a_submission_sent_again_under_its_name_is_the_same_one() {
    let (dir, store) = store();
    let report = report(Verdict::Review);
    let new =
        NewSubmission { photo: b"photo", report: &report, reference: None, file_name: None, state: State::Waiting };
    let named = Repeatable::new("8e03978e", b"photo and parameters");
    let once = |store: &Store, named: &Repeatable, who| store.submit_once(&new, Some(named), by(who));
    assert_eq!(store.sent_before(&named, "portal").expect("reads"), None);
    let (first, fresh) = once(&store, &named, "portal").expect("keeps");
    assert!(fresh);
    assert_eq!(once(&store, &named, "portal").expect("is there"), (first.clone(), false));
    assert_eq!(store.sent_before(&named, "portal").expect("reads").as_ref(), Some(&first));
    let other = Repeatable::new("8e03978e", b"another photo");
    assert!(matches!(once(&store, &other, "portal"), Err(StoreError::NameTaken)));
    let (theirs, fresh) = once(&store, &other, "other portal").expect("names are each client's own");
    assert!(fresh && theirs.id != first.id);
    assert_eq!(events(&store).len(), 2, "what is sent again makes no line");
    drop(store);
    let store = Store::open(&dir.path().join("made/on/the/way")).expect("opens again");
    assert!(!once(&store, &named, "portal").expect("is there").1, "also after a restart");
    store.delete(&first.id, by("admin")).expect("deletes");
    assert_eq!(store.sent_before(&other, "portal").expect("the name is free"), None);
    assert!(once(&store, &other, "portal").expect("keeps").1);
}

#[test]
fn a_database_of_the_first_version_is_brought_up_to_date() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("review.db");
    {
        let db = Connection::open(&path).expect("makes");
        db.execute_batch(include_str!("schema_1.sql")).expect("the first version");
        db.execute_batch("PRAGMA application_id = 0x67707276; PRAGMA user_version = 1").expect("sets");
    }
    let store = Store::open(dir.path()).expect("opens");
    let named = Repeatable::new("k", b"r");
    assert_eq!(store.sent_before(&named, "portal").expect("reads"), None);
}
