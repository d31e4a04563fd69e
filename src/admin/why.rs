//! `/debug/why`: why a client is told what it is told, as JSON.
//!
//! It is about what is true now. What a stream was told may be a moment older; `/debug/streams` shows that.
//!
//! The work is that of answering from scratch. Nobody's answer waits for it: what of the cluster it is about is taken out
//! (a pointer an object), and looked at on a thread that serves no stream.

use std::{num::NonZeroU16, sync::Arc};

use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;

use super::Admin;
use crate::{
    authority,
    controller::Uninspected,
    model::NsName,
    resolve::explain::{Question, Rpc, Spot, authority_of_split, explain},
    status::Notice,
};

/// How many explanations are made at once. Whoever comes beyond that waits; people ask seldom.
pub(super) const AT_ONCE: usize = 2;

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/debug/why", get(why))
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Either this or a split.
    authority: Option<String>,
    /// `NAMESPACE/NAME`: the Service that this TrafficSplit splits is asked for.
    split: Option<String>,
    /// With a split only.
    port: Option<NonZeroU16>,
    #[serde(default)]
    token: String,
    #[serde(default)]
    rpc: Rpc,
    address: Option<String>,
}

async fn why(State(admin): State<Arc<Admin>>, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let wrong = |what: &str| {
        Err(format!(
            "{what}; write authority=<service>.<namespace>.svc.{}:<port> or split=<namespace>/<name>, and if need be \
             token, rpc=get|profile|both and address=IP[:PORT]",
            admin.domain
        ))
    };
    let question = match asked {
        Ok(Query(asked)) => match (&asked.authority, &asked.split) {
            (Some(authority), None) => question(&admin, &asked, authority),
            (None, Some(split)) => match authority_of(&admin, split, asked.port).await {
                Ok(authority) => authority.and_then(|authority| question(&admin, &asked, &authority)),
                Err(refused) => return refused,
            },
            (Some(_), Some(_)) => wrong("authority and split exclude one another"),
            (None, None) => wrong("missing field `authority`"),
        },
        Err(error) => wrong(&error.body_text()),
    };
    let question = match question {
        Ok(question) => question,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
    };
    let turn = admin.explanations.next().await;
    let (asked, question) = (question.clone(), question);
    let look = admin.directory.inspect(move |engine| {
        // "Not looked yet" must never be explained as "does not exist". The look is a part of what the turn is for.
        engine
            .is_synced()
            .then(|| (asked.excerpt(engine.cluster(), engine.options()), engine.options().clone(), turn))
    });
    let (cluster, options, turn) = match look.await {
        Ok(Some(seen)) => seen,
        Ok(None) => return unseen(None),
        Err(error) => return unseen(Some(error)),
    };
    let status = admin.status.borrow().clone();
    let explained = move || {
        let mut explanation = explain(&cluster, &options, &question);
        let of_source = status.warnings.iter().filter(|notice| notice.is_of_source());
        explanation.add_of_source(of_source.map(Notice::oddity));
        serde_json::to_vec(&explanation)
    };
    match turn.run(explained).await {
        Ok(Ok(json)) => ([(CONTENT_TYPE, "application/json")], json).into_response(),
        _ => refuse(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be explained; the log may say why"),
    }
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, format!("{why}\n")).into_response()
}

/// Why the cluster cannot be looked at.
fn unseen(error: Option<Uninspected>) -> Response {
    match error {
        None => refuse(StatusCode::SERVICE_UNAVAILABLE, "the source has not been read yet; try again"),
        Some(error @ Uninspected::Failed) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        Some(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// The authority of the Service that a split splits, or why there is none; `Err` if the cluster cannot be looked at.
async fn authority_of(
    admin: &Admin,
    split: &str,
    port: Option<NonZeroU16>,
) -> Result<Result<String, String>, Response> {
    let Some((namespace, name)) = split.split_once('/').filter(|_| split.len() <= authority::MAX_LENGTH)
    else {
        return Ok(Err("split is no <namespace>/<name>".to_owned()));
    };
    let split = NsName::new(namespace, name);
    let look = admin.directory.inspect(move |engine| {
        engine.is_synced().then(|| authority_of_split(engine.cluster(), &split, port.map(NonZeroU16::get)))
    });
    look.await.map_err(|error| unseen(Some(error)))?.ok_or_else(|| unseen(None))
}

fn question(admin: &Admin, asked: &Asked, authority: &str) -> Result<Question, String> {
    let spot = asked.address.as_deref().filter(|address| !address.is_empty());
    let spot = spot.map(str::parse::<Spot>).transpose().map_err(|error| {
        format!("{:?} is no address; {error}", asked.address.as_deref().unwrap_or_default())
    })?;
    Question::parse(authority, &asked.token, asked.rpc, spot, &admin.domain)
        .map_err(|error| error.to_string())
}
