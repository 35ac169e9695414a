//! Somebody who asks and does not read the answer, so that it piles up at the gateway.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::Client;

/// An answer that is not read until its end is asked for.
pub(crate) struct Unread {
    stream: TcpStream,
}

impl Unread {
    /// Asks with GET and reads no more than the status, which has to be this one.
    pub(crate) async fn ask(client: &Client, path: &str, status: u16) -> Self {
        Self::send(client, &format!("GET /api/v1{path}"), "", status).await
    }

    /// Sends a message to a toolkit's endpoint, likewise.
    pub(crate) async fn post(client: &Client, toolkit: &str, message: &str, status: u16) -> Self {
        Self::send(client, &format!("POST /{toolkit}/mcp"), message, status).await
    }

    async fn send(client: &Client, line: &str, body: &str, status: u16) -> Self {
        let address: SocketAddr =
            client.url.trim_start_matches("http://").parse().expect("the gateway's address is an IP and a port");
        let socket = TcpSocket::new_v4().expect("a socket");
        // What the kernel keeps for the reader must not be all that there is.
        socket.set_recv_buffer_size(64 * 1024).expect("a small window");
        let mut stream = socket.connect(address).await.expect("the gateway listens");
        let token = client.token.as_deref().unwrap_or_default();
        let accept = "accept: application/json, text/event-stream\r\ncontent-type: application/json";
        let request = format!(
            "{line} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n{accept}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("it asks");
        let mut line = [0; 12];
        stream.read_exact(&mut line).await.expect("a status");
        assert_eq!(String::from_utf8_lossy(&line), format!("HTTP/1.1 {status}"));
        Self { stream }
    }

    /// Waits until so many bytes have come that nobody reads; the window has to hold them.
    pub(crate) async fn has(&self, bytes: usize) {
        let there = || async { self.stream.peek(&mut vec![0; bytes]).await.expect("it is open") == bytes };
        super::eventually("they come", there).await;
    }

    /// Reads the rest; whether it ends as a complete chunked body does.
    pub(crate) async fn ends_complete(mut self) -> bool {
        let mut rest = Vec::new();
        let mut piece = vec![0; 256 * 1024];
        loop {
            match self.stream.read(&mut piece).await {
                Ok(0) | Err(_) => return false,
                Ok(read) => rest.extend_from_slice(&piece[..read]),
            }
            if rest.ends_with(b"\r\n0\r\n\r\n") {
                return true;
            }
            rest.drain(..rest.len().saturating_sub(16));
        }
    }
}
