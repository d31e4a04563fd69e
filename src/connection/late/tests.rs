use std::sync::atomic::AtomicUsize;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// A pipe that counts what it is asked, and holds this many bytes until they are read.
struct Pipe {
    inner: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

struct Ends {
    late: Late<Pipe>,
    socket: Arc<Socket<Pipe>>,
    far: DuplexStream,
    writes: Arc<AtomicUsize>,
}

fn ends(room: usize) -> Ends {
    let (near, far) = duplex(room);
    let writes = Arc::new(AtomicUsize::new(0));
    let socket = Arc::new(Socket::new(Pipe { inner: near, writes: writes.clone() }));
    Ends { late: Late::new(socket.clone()), socket, far, writes }
}

fn cx() -> Context<'static> {
    Context::from_waker(std::task::Waker::noop())
}

impl Ends {
    fn write(&mut self, bytes: &[u8]) -> Poll<usize> {
        Pin::new(&mut self.late).poll_write(&mut cx(), bytes).map(|taken| taken.expect("no error"))
    }

    fn drain(&self) -> Poll<bool> {
        self.socket.poll_drain(&mut cx()).map(|blocked| blocked.expect("no error"))
    }

    async fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.far.read_exact(&mut bytes).await.expect("it was written");
        bytes
    }
}

#[tokio::test]
async fn what_is_written_and_flushed_goes_out_in_one_write_when_it_is_drained() {
    let mut ends = ends(1 << 20);
    for byte in 0..100 {
        assert_eq!(ends.write(&[byte; 300]), Poll::Ready(300));
        assert!(Pin::new(&mut ends.late).poll_flush(&mut cx()).is_ready());
    }
    assert_eq!(ends.writes.load(Ordering::Relaxed), 0);

    assert_eq!(ends.drain(), Poll::Ready(false));

    assert_eq!(ends.writes.load(Ordering::Relaxed), 1);
    let expect: Vec<_> = (0..100).flat_map(|byte| [byte; 300]).collect();
    assert_eq!(ends.read(30_000).await, expect);
}

#[tokio::test]
async fn vectored_writes_keep_their_order_and_stop_where_the_room_does() {
    let mut ends = ends(1);
    let (first, second) = (vec![1; CAPACITY - 10], vec![2; 100]);
    let slices = [IoSlice::new(&first), IoSlice::new(&second)];

    let taken = Pin::new(&mut ends.late).poll_write_vectored(&mut cx(), &slices);

    assert!(matches!(taken, Poll::Ready(Ok(CAPACITY))));
    let state = ends.socket.lock();
    let kept = &state.unsent.copied;
    assert_eq!((&kept[..CAPACITY - 10], &kept[CAPACITY - 10..]), (&first[..], &[2; 10][..]));
}

#[tokio::test]
async fn one_that_waits_for_room_is_told_so_by_the_drain_that_makes_it() {
    let mut ends = ends(CAPACITY);
    assert_eq!(ends.write(&[1; CAPACITY]), Poll::Ready(CAPACITY));
    assert_eq!(ends.write(&[2; CAPACITY]), Poll::Ready(CAPACITY), "the first went to the socket");
    assert_eq!(ends.write(&[3; 10]), Poll::Pending, "both are full");
    assert_eq!(ends.drain(), Poll::Pending);

    ends.read(CAPACITY).await;

    assert_eq!(ends.drain(), Poll::Ready(true));
    assert_eq!(ends.write(&[3; 10]), Poll::Ready(10));
    assert_eq!(ends.read(CAPACITY).await, [2; CAPACITY]);
    assert_eq!(ends.drain(), Poll::Ready(false));
    assert_eq!(ends.read(10).await, [3; 10]);
}

#[tokio::test]
async fn a_socket_that_takes_little_at_a_time_gets_everything_once() {
    let mut ends = ends(7);
    let sent: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    let (mut rest, mut got) = (&sent[..], Vec::new());
    while got.len() < sent.len() {
        if let Poll::Ready(taken) = ends.write(&rest[..rest.len().min(1000)]) {
            rest = &rest[taken..];
        }
        _ = ends.drain();
        let mut bytes = [0; 5];
        got.extend_from_slice(match ends.far.read(&mut bytes).await.expect("no error") {
            0 => break,
            read => &bytes[..read],
        });
    }
    assert_eq!(got, sent);
}

#[tokio::test]
async fn an_idle_socket_keeps_no_memory() {
    let mut ends = ends(1 << 20);
    assert_eq!(ends.write(&[1; 50_000]), Poll::Ready(50_000));
    assert_eq!(ends.drain(), Poll::Ready(false));
    let state = ends.socket.lock();
    assert_eq!((state.unsent.copied.capacity(), state.unsent.pieces.capacity()), (0, 0));
}

#[tokio::test]
async fn large_pieces_of_what_is_shared_are_kept_as_they_are_and_in_order() {
    let mut ends = ends(1 << 20);
    let message = Bytes::from((0..=255).cycle().take(100_000).collect::<Vec<u8>>());
    ends.socket.shares([message.clone()]);
    let mut expect = Vec::new();
    for from in (0..6).map(|piece| piece * 16_000) {
        for bytes in [&b"head"[..], &message[from..from + 16_000], &message[from..from + 10]] {
            assert_eq!(ends.write(bytes), Poll::Ready(bytes.len()));
            expect.extend_from_slice(bytes);
        }
    }
    assert!(ends.socket.lock().unsent.pieces.iter().any(|piece| piece.bytes.as_ptr() == message.as_ptr()));

    assert_eq!(ends.drain(), Poll::Ready(false));

    assert_eq!(ends.read(expect.len()).await, expect);
    assert!(message.is_unique(), "nothing is kept of it afterwards");
}

#[tokio::test]
async fn shared_pieces_are_written_in_parts_where_the_socket_takes_no_more() {
    let mut ends = ends(1000);
    let message = Bytes::from((0..=255).cycle().take(50_000).collect::<Vec<u8>>());
    ends.socket.shares([message.clone()]);
    let (mut expect, mut got) = (Vec::new(), Vec::new());
    for piece in message.chunks(5000) {
        for bytes in [&b"head"[..], piece] {
            assert_eq!(ends.write(bytes), Poll::Ready(bytes.len()));
            expect.extend_from_slice(bytes);
        }
    }
    while got.len() < expect.len() {
        _ = ends.drain();
        let mut bytes = [0; 777];
        let read = ends.far.read(&mut bytes).await.expect("no error");
        got.extend_from_slice(&bytes[..read]);
    }
    assert_eq!(got, expect);
}

#[tokio::test]
async fn shutting_down_writes_what_is_kept_first() {
    let mut ends = ends(1 << 20);
    assert_eq!(ends.write(b"last words"), Poll::Ready(10));
    ends.late.shutdown().await.expect("no error");
    let mut text = String::new();
    ends.far.read_to_string(&mut text).await.expect("no error");
    assert_eq!(text, "last words");
}

#[tokio::test]
async fn a_peer_that_is_gone_is_an_error_of_the_drain() {
    let mut ends = ends(1 << 20);
    assert_eq!(ends.write(b"to nobody"), Poll::Ready(9));
    drop(ends.far);
    assert!(matches!(ends.socket.poll_drain(&mut cx()), Poll::Ready(Err(_))));
}

#[tokio::test]
async fn what_is_read_is_counted() {
    let mut ends = ends(1 << 20);
    ends.far.write_all(b"PRI * HTTP/2.0").await.expect("no error");
    let mut bytes = [0; 100];
    assert_eq!(ends.late.read(&mut bytes).await.expect("no error"), 14);
    assert_eq!(ends.socket.received(), 14);
}
