//! A connection to a server that reads nothing before what it writes is read, as ours does for a client with too much to answer.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::time::Duration;

use skein_client::{Address, ConnectOptions, Link};
use skein_proto::{codec::Codec, frame::encode_record, v1};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
    time::timeout,
};

/// More than the kernel takes for a reader that does not read.
const SERVER_FRAMES: usize = 300;
/// More than the kernel takes off a writer.
const CLIENT_FRAMES: usize = 800;
const BODY_BYTES: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(20);

fn frame(id: u32) -> v1::Frame {
    let request = v1::Request { id, body: vec![7; BODY_BYTES].into(), ..Default::default() };
    v1::Frame { body: Some(request.into()), ..Default::default() }
}

/// Writes all of its frames before it reads; how many bytes it has read in the end.
async fn stubborn() -> (Address, JoinHandle<usize>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener: TcpListener = socket.listen(1).unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut frames = Vec::new();
        for id in 0..SERVER_FRAMES {
            encode_record(&mut frames, &Codec::Binary.encode(&frame(id as u32)));
        }
        stream.write_all(&frames).await.unwrap();
        let (mut buffer, mut total) = (vec![0; 64 * 1024], 0);
        loop {
            match stream.read(&mut buffer).await.unwrap() {
                0 => return total,
                count => total += count,
            }
        }
    });
    (address, serving)
}

async fn full_link(address: &Address) -> (Link, usize) {
    let mut link = Link::connect(address, &ConnectOptions::default()).await.unwrap();
    let mut expected = Vec::new();
    for id in 0..CLIENT_FRAMES {
        let frame = frame(id as u32);
        encode_record(&mut expected, &Codec::Binary.encode(&frame));
        link.queue(&frame).unwrap();
    }
    (link, expected.len())
}

async fn receive_all(link: &mut Link) {
    let mut frames = Vec::new();
    while frames.len() < SERVER_FRAMES {
        link.receive(&mut frames).await.unwrap();
    }
    assert_eq!(frames.last(), Some(&frame(SERVER_FRAMES as u32 - 1)));
}

#[tokio::test]
async fn what_is_flushed_does_not_wait_for_what_is_not_read() {
    let (address, serving) = stubborn().await;
    let (mut link, bytes) = full_link(&address).await;
    timeout(PATIENCE, link.flush()).await.expect("both wait for each other").unwrap();
    timeout(PATIENCE, receive_all(&mut link)).await.expect("what was read while writing is kept");
    drop(link);
    assert_eq!(serving.await.unwrap(), bytes);
}

#[tokio::test]
async fn what_is_queued_is_written_while_frames_are_awaited() {
    let (address, serving) = stubborn().await;
    let (mut link, bytes) = full_link(&address).await;
    link.write_now().await;
    assert!(!link.has_room(), "the server reads nothing yet");
    timeout(PATIENCE, receive_all(&mut link)).await.expect("frames come while others are written");
    let mut none = Vec::new();
    while !link.has_room() {
        timeout(PATIENCE, link.receive(&mut none)).await.expect("told that there is room again").unwrap();
    }
    assert!(none.is_empty());
    link.flush().await.unwrap();
    drop(link);
    assert_eq!(serving.await.unwrap(), bytes);
}
