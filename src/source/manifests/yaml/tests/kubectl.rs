//! Every row of the tables in `tests/data/yaml`, which `tests/sigs_yaml` wrote with `kubectl`'s own libraries.

use super::*;

/// Rows that differ by intent.
const EXCEPTIONS: [&str; 2] = [
    // kubectl reads one byte order of UTF-16, and only a file of one document. It is refused with that reason.
    "\\xfe\\xff\\x00a\\x00:\\x00 \\x001\\x00\\n",
    // Of a merge that is not resolved nothing is read, also no document that is all on one side.
    "<<<<<<< HEAD\\n---\\na: 1\\n---\\n=======\\n---\\na: 2\\n---\\n>>>>>>> b\\n",
];

/// Checks a table. `actual` is what an input comes to, `agree` whether that is what is expected.
#[track_caller]
fn check<A: std::fmt::Debug>(
    table: &str,
    actual: impl Fn(&[u8]) -> A,
    agree: impl Fn(&A, &str) -> bool,
    at_least: usize,
) {
    let rows = table.lines().map(|row| row.split_once('\t').expect("an input and a value"));
    let rows: Vec<_> = rows.filter(|(input, _)| !EXCEPTIONS.contains(input)).collect();
    assert!(rows.len() >= at_least, "{} rows", rows.len());
    let mut differing = Vec::new();
    for (input, expected) in rows {
        let actual = actual(&unescape(input));
        if !agree(&actual, expected) {
            differing.push(format!("{input}\n  expected {expected}\n  found    {actual:?}"));
        }
    }
    assert!(differing.is_empty(), "{} rows differ:\n{}", differing.len(), differing.join("\n"));
}

#[track_caller]
fn check_documents(table: &str, at_least: usize) {
    let actual = |input: &[u8]| {
        let text = decode(input)?;
        // A document that was separated ends with a line break; one of the tables need not.
        let text = if input.ends_with(b"\n") { &*text } else { text.strip_suffix('\n').unwrap_or(&text) };
        document(text, &mut 0).map(|document| document.value)
    };
    let agree = |actual: &Result<Value, SyntaxError>, expected: &str| match actual {
        Ok(value) => expected != "refused" && is_equal(value, &serde_json::from_str(expected).expect("JSON")),
        Err(_) => expected == "refused",
    };
    check(table, actual, agree, at_least);
}

#[test]
fn scalars_have_the_values_that_kubectl_reads() {
    check_documents(include_str!("../../../../../tests/data/yaml/scalars.tsv"), 2000);
}

#[test]
fn documents_have_the_values_that_kubectl_reads() {
    check_documents(include_str!("../../../../../tests/data/yaml/documents.tsv"), 500);
}

#[test]
fn random_documents_have_the_values_that_kubectl_reads() {
    check_documents(include_str!("../../../../../tests/data/yaml/random.tsv"), 600);
}

/// `kubectl` stops at the first document that it refuses; here the others are read.
#[test]
fn streams_have_the_documents_that_kubectl_reads() {
    let actual = |input: &[u8]| {
        let documents = super::super::parse(input).map(|document| document.map(|document| document.value));
        documents.filter(|document| !matches!(document, Ok(Value::Null))).collect::<Vec<_>>()
    };
    let agree = |actual: &Vec<Result<Value, SyntaxError>>, expected: &str| {
        let expected: Vec<Value> = serde_json::from_str(expected).expect("JSON");
        let good: Vec<_> = expected.iter().take_while(|value| **value != json!("refused")).collect();
        let is_refused = good.len() < expected.len();
        let begins_equal = good.len() <= actual.len()
            && actual.iter().zip(&good).all(|(actual, good)| actual.as_ref().is_ok_and(|actual| is_equal(actual, good)));
        begins_equal && if is_refused { actual.iter().any(Result::is_err) } else { actual.len() == good.len() }
    };
    check(include_str!("../../../../../tests/data/yaml/streams.tsv"), actual, agree, 120);
}

/// Whether two values are the same but for the last digit of a float, which `serde_json` does not read exactly.
fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().expect("a number"), b.as_f64().expect("a number"));
            a == b || (a / b - 1.0).abs() < 1e-15
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && is_equal(a.1, b.1))
        }
        _ => a == b,
    }
}

/// The bytes that a table writes as a string literal of Go without its quotes.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let sign = rest.as_bytes()[at + 1];
        let digits = match sign {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        let digits = &rest[at + 2..at + 2 + digits];
        rest = &rest[at + 2 + digits.len()..];
        let code = u32::from_str_radix(digits, 16).unwrap_or_default();
        match sign {
            b'x' => bytes.push(u8::try_from(code).expect("two digits")),
            b'u' | b'U' => bytes.extend(char::from_u32(code).expect("a character").to_string().bytes()),
            b'a' => bytes.push(0x07),
            b'b' => bytes.push(0x08),
            b'f' => bytes.push(0x0c),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'v' => bytes.push(0x0b),
            b'\\' => bytes.push(b'\\'),
            _ => panic!("{text}"),
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
