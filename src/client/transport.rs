//! The connection below HTTP/2: TCP, and TLS over it where it is wanted.
//!
//! It watches how the conversation begins, because that is what tells a server that speaks TLS from one that does
//! not, and one that wants a certificate from one that is gone.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;
use tower::Service;

use super::{ClientTls, HostPort, fault::Found};

/// Makes connections to one server, wherever the request says it goes.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub(super) addr: HostPort,
    pub(super) tls: Option<ClientTls>,
    pub(super) found: Found,
}

impl Connector {
    async fn connect(self) -> io::Result<TokioIo<Transport>> {
        let Self { addr, tls, found } = self;
        let tcp = TcpStream::connect((addr.host.as_str(), addr.port)).await?;
        // Requests are small and wanted at once.
        tcp.set_nodelay(true)?;
        let socket = match tls {
            None => Socket::Plain(tcp),
            Some(tls) => {
                let handshake = tls.handshake(&addr, tcp).await;
                let stream = handshake.inspect_err(|error| found.handshake(error))?;
                Socket::Tls(Box::new(stream))
            }
        };
        Ok(TokioIo::new(Transport { socket, heard: false, failed: None, found }))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Transport>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Transport>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Transport {
    socket: Socket,
    /// Whether the server has said anything (under TLS: in it).
    heard: bool,
    /// Why writing failed before that.
    failed: Option<io::Error>,
    found: Found,
}

#[derive(Debug)]
enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Transport {
    fn writer(&mut self) -> Pin<&mut Writer> {
        match &mut self.socket {
            Socket::Plain(tcp) => Pin::new(tcp),
            Socket::Tls(tls) => Pin::new(&mut **tls),
        }
    }

    /// Writes; but a server that refuses us says why and closes, and our own writing may hit that first. So an
    /// error counts only when what the server said was read. That never takes long: there is an end behind it.
    fn write<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut Writer>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.failed.is_none() {
            match ready!(write(self.writer(), cx)) {
                Err(error) if !self.heard => self.failed = Some(error),
                result => return Poll::Ready(result),
            }
        }
        if !self.heard {
            let mut scratch = [0; 64];
            // Whatever it yields, it was noted.
            _ = ready!(Pin::new(&mut *self).poll_read(cx, &mut ReadBuf::new(&mut scratch)));
        }
        Poll::Ready(Err(self.failed.take().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())))
    }
}

type Writer = dyn AsyncWrite + Send + Unpin;

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        match &mut this.socket {
            Socket::Plain(tcp) => {
                let result = ready!(Pin::new(tcp).poll_read(cx, buf));
                if !std::mem::replace(&mut this.heard, true) {
                    match &result {
                        Ok(()) => this.found.first_without(&buf.filled()[before..])?,
                        Err(_) => this.found.broken_without(),
                    }
                }
                Poll::Ready(result)
            }
            Socket::Tls(tls) => {
                let result = ready!(Pin::new(tls).poll_read(cx, buf));
                match &result {
                    Ok(()) if !this.heard && buf.filled().len() == before => this.found.silent_with(),
                    Ok(()) => {}
                    Err(error) => this.found.broken_with(error, this.heard),
                }
                this.heard = true;
                Poll::Ready(result)
            }
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(cx, |socket, cx| socket.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, |socket, cx| socket.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Plain(tcp) => tcp.is_write_vectored(),
            Socket::Tls(tls) => tls.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write(cx, |socket, cx| socket.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_shutdown(cx)
    }
}
