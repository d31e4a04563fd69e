//! `/metrics`: in OpenMetrics for scrapers that name it, in Prometheus' older format for everything else.

use std::sync::Arc;

use super::Admin;
use crate::metrics::Format;
use axum::{
    Router,
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, CONTENT_TYPE, VARY},
    },
    response::{IntoResponse, Response},
    routing::get,
};

/// How many pages are made at once. Each looks at every stream, and whoever asks for many shall not take the cores from
/// those who are told of changes.
pub(super) const AT_ONCE: usize = 1;

pub(super) fn routes() -> Router<Arc<Admin>> {
    Router::new().route("/metrics", get(page))
}

async fn page(State(admin): State<Arc<Admin>>, headers: HeaderMap) -> Response {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = Format::accepted(accept);
    let turn = admin.metrics_pages.next().await;
    // It reads files and may look at many streams: not on a thread that has some to serve.
    match turn.run(move || format.render(&admin.registry)).await {
        Ok(text) => ([(CONTENT_TYPE, format.content_type()), (VARY, "accept")], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fmt,
        pin::pin,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
            mpsc,
        },
    };

    use axum::{body::Body, http::Request};
    use futures::FutureExt;
    use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, registry::Registry};
    use tokio::{
        sync::{Notify, watch},
        time::Duration,
    };
    use tower::Service;

    use super::*;
    use crate::{
        admin::{Access, Admin},
        controller::Controller,
        engine::Engine,
        hold::Lead,
        metrics::Metrics,
        model::Name,
        picture::Pictures,
        resolve::Options,
        status::Status,
    };

    /// What is looked at for a page, for as long as the test says.
    #[derive(Debug)]
    struct Gate {
        looks: Arc<AtomicUsize>,
        begun: Arc<Notify>,
        end: Mutex<mpsc::Receiver<()>>,
    }

    impl Collector for Gate {
        fn encode(&self, _: DescriptorEncoder<'_>) -> fmt::Result {
            self.looks.fetch_add(1, Ordering::SeqCst);
            self.begun.notify_one();
            _ = self.end.lock().expect("whole").recv();
            Ok(())
        }
    }

    fn admin(registry: Registry) -> Arc<Admin> {
        let domain = Name::from("cluster.local");
        let (status, shown) = watch::channel(Arc::new(Status::default()));
        let engine = Engine::new(domain.clone(), Options::default());
        let (_, directory) =
            Controller::new(engine, Lead { drain: Duration::ZERO }, status, Metrics::default());
        Admin::new(registry, shown, directory, domain, Pictures::default())
    }

    #[tokio::test]
    async fn requests_that_are_dropped_halfway_do_not_pile_up() {
        let (end, ended) = mpsc::channel();
        let (looks, begun) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let gate = Gate { looks: looks.clone(), begun: begun.clone(), end: Mutex::new(ended) };
        let mut registry = Registry::default();
        registry.register_collector(Box::new(gate));
        let mut routes = crate::admin::routes(admin(registry), Arc::<Access>::default());
        let mut ask = || routes.call(Request::get("/metrics").body(Body::empty()).expect("a request"));

        let first = ask();
        tokio::select! {
            _ = first => panic!("it is held at the gate"),
            () = begun.notified() => {}
        }
        for _ in 0..9 {
            assert!(ask().now_or_never().is_none(), "as long as one is made there is no place for another");
        }
        let mut last = pin!(ask());
        assert!(last.as_mut().now_or_never().is_none());
        for _ in 0..11 {
            // As many as could ever wait there.
            end.send(()).expect("it is held");
        }

        assert_eq!(last.await.expect("never fails").status(), StatusCode::OK);
        assert_eq!(looks.load(Ordering::SeqCst), 2, "the one that had begun, and the one that is waited for");
    }
}
