//! One stream as its client sees it: a call, then the body of its response, polled when they ask to be.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::Future,
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body as _, Frame};
use tonic::{Code, Status, body::Body};

/// What came over a stream.
#[derive(Debug)]
pub(super) enum Piece {
    /// The response began.
    Opened,
    /// Bytes of messages.
    Data(Bytes),
    /// Nothing comes after this.
    End(Code),
}

/// A question under way.
pub(super) type Call = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// More than any stream has to say at once.
const MANY: usize = 100_000;

enum Stage {
    Asking(Call),
    Open(Body),
    Over,
}

struct Shared {
    stage: Mutex<Stage>,
    /// What came and was not looked at.
    inbox: Mutex<VecDeque<Piece>>,
    /// Whether it was told, by the last waker that it left, that there is something to see.
    woken: AtomicBool,
    /// The number of that waker.
    waker: AtomicUsize,
    /// Polled in the very moment of the wake, as if by another thread: sees all that is ever published.
    at_once: AtomicBool,
}

/// A waker that was left with the server. A task that moves leaves another one each time.
struct Ear {
    number: usize,
    shared: Arc<Shared>,
}

impl Wake for Ear {
    fn wake(self: Arc<Self>) {
        if self.shared.waker.load(Ordering::SeqCst) != self.number {
            return;
        }
        self.shared.woken.store(true, Ordering::SeqCst);
        if self.shared.at_once.load(Ordering::SeqCst) {
            self.shared.clone().listen(&self.clone().into());
        }
    }
}

/// See the module's documentation.
pub(super) struct Line {
    shared: Arc<Shared>,
    ear: Arc<Ear>,
}

impl Line {
    /// Asks; nothing happens before the first [`Line::listen`].
    pub(super) fn ask(call: Call, at_once: bool) -> Self {
        let shared = Arc::new(Shared {
            stage: Mutex::new(Stage::Asking(call)),
            inbox: Mutex::default(),
            woken: AtomicBool::new(true),
            waker: AtomicUsize::new(0),
            at_once: AtomicBool::new(at_once),
        });
        Self { ear: Arc::new(Ear { number: 0, shared: shared.clone() }), shared }
    }

    /// From now on it is polled only by [`Line::listen`].
    pub(super) fn calm_down(&self) {
        self.shared.at_once.store(false, Ordering::SeqCst);
    }

    /// Takes what is there, if it was told that there is something; `anyway` without that, and then the waker is
    /// another one.
    ///
    /// # Errors
    /// If there is something, and nobody said so.
    pub(super) fn listen(&mut self, anyway: bool) -> Result<Vec<Piece>, String> {
        let woken = self.shared.woken.swap(false, Ordering::SeqCst);
        if woken || anyway {
            if anyway {
                let number = self.ear.number + 1;
                self.shared.waker.store(number, Ordering::SeqCst);
                self.ear = Arc::new(Ear { number, shared: self.shared.clone() });
            }
            let came = self.shared.clone().listen(&self.ear.clone().into());
            if came && !woken && !self.shared.at_once.load(Ordering::SeqCst) {
                return Err("there is something new, and nobody said so".to_owned());
            }
        }
        Ok(mem::take(&mut *lock(&self.shared.inbox)).into())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // The body holds a waker that holds the body.
        let stage = mem::replace(&mut *lock(&self.shared.stage), Stage::Over);
        drop(stage);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Polls until there is nothing more; whether there was anything.
    fn listen(self: Arc<Self>, waker: &Waker) -> bool {
        let mut cx = Context::from_waker(waker);
        // Whoever is polling already will see that it was woken.
        let Ok(mut stage) = self.stage.try_lock() else { return false };
        let mut came = false;
        while let Poll::Ready(piece) = stage.poll(&mut cx) {
            came = true;
            assert!(lock(&self.inbox).len() < MANY, "a stream that never comes to rest");
            let ended = matches!(piece, Piece::End(_));
            lock(&self.inbox).push_back(piece);
            if ended {
                *stage = Stage::Over;
            }
        }
        came
    }
}

impl Stage {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        match self {
            Self::Asking(call) => call.as_mut().poll(cx).map(|response| {
                let (head, body) = response.expect("it cannot fail").into_parts();
                match head.headers.contains_key("grpc-status") {
                    true => Piece::End(code(&head.headers)),
                    false => {
                        *self = Self::Open(body);
                        Piece::Opened
                    }
                }
            }),
            Self::Open(body) => {
                Pin::new(body).poll_frame(cx).map(|frame| match frame.map(|f| f.map(Frame::into_data)) {
                    Some(Ok(Ok(data))) => Piece::Data(data),
                    Some(Ok(Err(frame))) => {
                        let trailers = frame.into_trailers().unwrap_or_else(|_| HeaderMap::new());
                        Piece::End(code(&trailers))
                    }
                    Some(Err(status)) => Piece::End(status.code()),
                    None => Piece::End(Code::Unknown),
                })
            }
            Self::Over => Poll::Pending,
        }
    }
}

fn code(headers: &HeaderMap) -> Code {
    Status::from_header_map(headers).map_or(Code::Unknown, |status| status.code())
}
