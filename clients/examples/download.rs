//! A limit on a whole download, compressed, from a server that sends slowly or without end.
//!
//! ```text
//! cargo run --release -p sigalarm-clients --example download
//! ```
//!
//! `set_read_timeout` limits each read only. `alarm.reader` limits the whole: it ends a blocked read, and checks before
//! each read.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use sigalarm::{Alarm, TimedOut};

/// Gets a document, unpacks it and returns its size. At the deadline the error is of kind `TimedOut`. (Name lookup and
/// `connect` need `alarm.blocking`.)
pub fn unpacked_size(server: impl ToSocketAddrs, path: &str, alarm: &Alarm) -> io::Result<u64> {
    let stream = TcpStream::connect(server)?;
    alarm.writer(&stream).write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())?;
    let mut reader = BufReader::new(alarm.reader(&stream));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if line.split_whitespace().nth(1) != Some("200") {
        return Err(io::Error::other(line));
    }
    while line.trim_end() != "" {
        line.clear();
        reader.read_line(&mut line)?;
    }
    io::copy(&mut MultiGzDecoder::new(reader), &mut io::sink())
}

/// Starts a server for this example: `/good`, `/drip`, which sends a slow header, and `/bomb`, which never ends.
pub fn serve() -> io::Result<std::net::SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream)); // An error means that the client has closed the connection.
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut request = String::new();
    BufReader::new(&stream).read_line(&mut request)?;
    let mut zeros = GzEncoder::new(Vec::new(), Compression::best());
    io::copy(&mut io::repeat(0).take(10_000_000), &mut zeros)?;
    let member = zeros.finish()?;
    stream.write_all(b"HTTP/1.0 200 OK\r\n")?;
    if request.contains("/drip") {
        loop {
            stream.write_all(b"X")?;
            thread::sleep(Duration::from_millis(20));
        }
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(&member)?;
    while request.contains("/bomb") {
        stream.write_all(&member)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = serve()?;
    for path in ["/good", "/drip", "/bomb"] {
        let alarm = Alarm::builder().after(Duration::from_secs(2)).label(path).arm()?;
        match unpacked_size(server, path, &alarm) {
            Ok(bytes) => println!("{path}: {bytes} bytes"),
            Err(e) => match TimedOut::find_in(&e) {
                Some(timed_out) => println!("{timed_out}"),
                None => return Err(e.into()),
            },
        }
    }
    Ok(())
}
