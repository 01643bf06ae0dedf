//! The few commands that set-up, and whoever changes routes, sends to Redis, over RESP2.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Redis answers set-up's commands in far less; loading the library takes a few milliseconds.
const TIMEOUT: Duration = Duration::from_secs(5);
/// No reply to set-up's commands is longer.
const MOST_BYTES: usize = 1 << 20;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing there.
    Nil,
    /// `:n`
    Integer(i64),
    /// A status or a string.
    Text(String),
    /// An error, as Redis words it.
    Error(String),
    /// A list.
    List(Vec<Reply>),
}

/// A connection.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to a Redis.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends a command and reads its answer, which may be an error of Redis' own.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not RESP2.
    pub fn ask(&mut self, command: &[&str]) -> Result<Reply> {
        let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
        for word in command {
            bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
        self.stream
            .get_mut()
            .write_all(&bytes)
            .context("Redis does not take commands")?;
        read(&mut self.stream, 0)
    }

    /// Sends a command whose answer must not be an error.
    ///
    /// # Errors
    /// As [`Connection::ask`], and when Redis refuses.
    pub fn call(&mut self, command: &[&str]) -> Result<Reply> {
        match self.ask(command)? {
            Reply::Error(error) => bail!(
                "Redis refuses {}: {error}",
                command.first().copied().unwrap_or_default()
            ),
            reply => Ok(reply),
        }
    }
}

fn read(stream: &mut impl BufRead, depth: usize) -> Result<Reply> {
    let line = read_line(stream)?;
    let Some(rest) = line.get(1..) else {
        bail!("Redis answers an empty line")
    };
    Ok(match line.as_bytes()[0] {
        b'+' => Reply::Text(rest.to_owned()),
        b'-' => Reply::Error(rest.to_owned()),
        b':' => Reply::Integer(
            rest.parse()
                .context("Redis answers a number that is none")?,
        ),
        b'$' | b'*' if rest == "-1" => Reply::Nil,
        b'$' => {
            let mut bytes = vec![0; length(rest)? + 2];
            stream
                .read_exact(&mut bytes)
                .context("Redis' answer breaks off")?;
            bytes.truncate(bytes.len() - 2);
            Reply::Text(String::from_utf8(bytes).context("Redis answers bytes that are not UTF-8")?)
        }
        b'*' if depth < 4 => Reply::List(
            (0..length(rest)?)
                .map(|_| read(stream, depth + 1))
                .collect::<Result<_>>()?,
        ),
        _ => bail!("Redis answers {line:?}, which is not RESP2"),
    })
}

fn read_line(stream: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    stream
        .by_ref()
        .take(MOST_BYTES as u64)
        .read_line(&mut line)
        .context("Redis does not answer")?;
    match line.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None => bail!("Redis closed the connection"),
    }
}

fn length(text: &str) -> Result<usize> {
    let length: usize = text
        .parse()
        .context("Redis answers a length that is none")?;
    if length > MOST_BYTES {
        bail!("Redis answers {length} bytes or items, more than set-up ever asks for");
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &str) -> Result<Reply> {
        read(&mut bytes.as_bytes(), 0)
    }

    #[test]
    fn every_kind_of_reply_is_read() {
        assert_eq!(parse("+OK\r\n").unwrap(), Reply::Text("OK".into()));
        assert_eq!(
            parse("-ERR Function not found\r\n").unwrap(),
            Reply::Error("ERR Function not found".into())
        );
        assert_eq!(parse(":-3\r\n").unwrap(), Reply::Integer(-3));
        assert_eq!(parse("$-1\r\n").unwrap(), Reply::Nil);
        assert_eq!(
            parse("$4\r\na\r\nb\r\n").unwrap(),
            Reply::Text("a\r\nb".into())
        );
        assert_eq!(
            parse("*2\r\n$1\r\n1\r\n*1\r\n:2\r\n").unwrap(),
            Reply::List(vec![
                Reply::Text("1".into()),
                Reply::List(vec![Reply::Integer(2)])
            ])
        );
    }

    #[test]
    fn what_is_broken_or_huge_is_an_error() {
        for bytes in [
            "",
            "+OK",
            "\r\n",
            "?\r\n",
            ":x\r\n",
            "$5\r\nab\r\n",
            "$99999999\r\n",
            "*99999999\r\n",
            "$-2\r\n",
        ] {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
        assert!(parse(&"*1\r\n".repeat(50)).is_err());
    }
}
