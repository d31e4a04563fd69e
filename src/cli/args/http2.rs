//! The JSON of `--meshed-http2-client-params`, as Linkerd's chart writes it: the fields of the message by
//! their names in the proto, a duration as `{"seconds": 10, "nanos": 0}`.

use serde::{Deserialize, Deserializer, de::Error};

use crate::pb::destination::{
    Http2ClientParams,
    http2_client_params::{FlowControl, Internals, KeepAlive},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParamsJson {
    flow_control: Option<FlowControlJson>,
    keep_alive: Option<KeepAliveJson>,
    internals: Option<InternalsJson>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FlowControlJson {
    initial_connection_window_size: u32,
    initial_stream_window_size: u32,
    adaptive_flow_control: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeepAliveJson {
    interval: Option<DurationJson>,
    timeout: Option<DurationJson>,
    #[serde(default)]
    while_idle: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct InternalsJson {
    max_concurrent_reset_streams: u32,
    max_frame_size: u32,
    max_send_buf_size: u32,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct DurationJson {
    seconds: u32,
    #[serde(deserialize_with = "nanos")]
    nanos: i32,
}

/// Less than a second of nanoseconds.
fn nanos<'de, D: Deserializer<'de>>(json: D) -> Result<i32, D::Error> {
    let nanos = u32::deserialize(json)?;
    let whole = i32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    whole.ok_or_else(|| D::Error::custom(format!("expected less than 1000000000, found {nanos}")))
}

/// The parameters; `None` if nothing is written.
pub(super) fn params(text: &str) -> Result<Option<Http2ClientParams>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let read: ParamsJson = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { String::new() } else { format!("{path}: ") };
        format!("{at}{}; {EXAMPLE}", error.inner())
    })?;
    json.end().map_err(|error| format!("{error}; {EXAMPLE}"))?;
    Ok(Some(read.into()))
}

const EXAMPLE: &str = "write a JSON object, for example \
    {\"keep_alive\":{\"interval\":{\"seconds\":10},\"timeout\":{\"seconds\":3},\"while_idle\":true}}";

impl From<ParamsJson> for Http2ClientParams {
    fn from(json: ParamsJson) -> Self {
        Self {
            flow_control: json.flow_control.map(|json| FlowControl {
                initial_connection_window_size: json.initial_connection_window_size,
                initial_stream_window_size: json.initial_stream_window_size,
                adaptive_flow_control: json.adaptive_flow_control,
            }),
            keep_alive: json.keep_alive.map(|json| KeepAlive {
                interval: json.interval.map(Into::into),
                timeout: json.timeout.map(Into::into),
                while_idle: json.while_idle,
            }),
            internals: json.internals.map(|json| Internals {
                max_concurrent_reset_streams: json.max_concurrent_reset_streams,
                max_frame_size: json.max_frame_size,
                max_send_buf_size: json.max_send_buf_size,
            }),
        }
    }
}

impl From<DurationJson> for prost_types::Duration {
    fn from(json: DurationJson) -> Self {
        Self { seconds: json.seconds.into(), nanos: json.nanos }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_read() {
        let text = r#"{
            "flow_control": {
                "initial_connection_window_size": 1, "initial_stream_window_size": 2,
                "adaptive_flow_control": true
            },
            "keep_alive": {
                "interval": { "seconds": 10, "nanos": 5 }, "timeout": { "seconds": 3 }, "while_idle": true
            },
            "internals": {
                "max_concurrent_reset_streams": 3, "max_frame_size": 4, "max_send_buf_size": 5
            }
        }"#;
        let expected = Http2ClientParams {
            flow_control: Some(FlowControl {
                initial_connection_window_size: 1,
                initial_stream_window_size: 2,
                adaptive_flow_control: true,
            }),
            keep_alive: Some(KeepAlive {
                interval: Some(prost_types::Duration { seconds: 10, nanos: 5 }),
                timeout: Some(prost_types::Duration { seconds: 3, nanos: 0 }),
                while_idle: true,
            }),
            internals: Some(Internals {
                max_concurrent_reset_streams: 3,
                max_frame_size: 4,
                max_send_buf_size: 5,
            }),
        };
        assert_eq!(params(text), Ok(Some(expected)));
    }

    #[test]
    fn what_is_left_out_is_unset() {
        assert_eq!(params(" "), Ok(None));
        assert_eq!(params("{}"), Ok(Some(Http2ClientParams::default())));
        let keep_alive = Http2ClientParams { keep_alive: Some(KeepAlive::default()), ..Default::default() };
        assert_eq!(params(r#"{"keep_alive":{},"internals":null}"#), Ok(Some(keep_alive)));
    }

    #[test]
    fn errors_name_the_key_and_what_would_be_right() {
        for (text, expect) in [
            (r#"{"keepalive":{}}"#, "keepalive: unknown field `keepalive`, expected one of `flow_control`"),
            (r#"{"keep_alive":{"interval":"10s"}}"#, "keep_alive.interval: invalid type: string"),
            (
                r#"{"keep_alive":{"interval":{"seconds":-1}}}"#,
                "keep_alive.interval.seconds: invalid value: integer `-1`, expected u32",
            ),
            (
                r#"{"keep_alive":{"timeout":{"nanos":1000000000}}}"#,
                "keep_alive.timeout.nanos: expected less than 1000000000, found 1000000000",
            ),
            (
                r#"{"internals":{"max_frame_size":"big"}}"#,
                "internals.max_frame_size: invalid type: string \"big\", expected u32",
            ),
            ("[]", "write a JSON object"),
            ("{} {}", "trailing characters"),
            ("keep_alive", "write a JSON object"),
        ] {
            let error = params(text).unwrap_err();
            assert!(error.contains(expect) && error.contains("for example"), "{text}: {error}");
        }
    }
}
