//! A question to one name server, as a resolver that knows its client's network would ask it.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsOption};
use hickory_proto::rr::{Name, RData, RecordType};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// What EDNS promises to take.
const MOST_BYTES: usize = 1_232;

/// What was answered: addresses in the order of the answer, and the least time to live among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// IPv4 addresses.
    pub addresses: Vec<IpAddr>,
    /// Seconds.
    pub ttl_s: u32,
}

/// Asks for the IPv4 addresses of a name; `subnet` (RFC 7871) says for whom.
///
/// # Errors
/// When nobody answers within two seconds, or the answer is an error or for another question.
pub fn ask(server: SocketAddr, name: &str, subnet: Option<(IpAddr, u8)>) -> Result<Answer> {
    let name = Name::from_ascii(format!("{}.", name.trim_end_matches('.')))
        .with_context(|| format!("{name:?} is no name"))?;
    let mut question = Message::query();
    question.add_query(Query::query(name.clone(), RecordType::A));
    if let Some((address, bits)) = subnet {
        let mut edns = Edns::new();
        edns.options_mut()
            .insert(EdnsOption::Subnet(ClientSubnet::new(address, bits, 0)));
        question.set_edns(edns);
    }
    let bytes = question
        .to_vec()
        .context("the question cannot be written")?;
    let any: IpAddr = if server.is_ipv4() {
        [0, 0, 0, 0].into()
    } else {
        [0u16; 8].into()
    };
    let socket = UdpSocket::bind((any, 0)).context("no socket to ask from")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(server)?;
    socket.send(&bytes)?;
    let mut buffer = [0; MOST_BYTES];
    let length = (socket.recv(&mut buffer)).with_context(|| format!("no answer from {server}"))?;
    let answer = Message::from_vec(&buffer[..length]).context("the answer cannot be read")?;
    ensure!(
        answer.metadata.id == question.metadata.id,
        "an answer to another question"
    );
    if answer.metadata.response_code != ResponseCode::NoError {
        bail!("{server} answers {}", answer.metadata.response_code);
    }
    let mut addresses = Vec::new();
    let mut ttl_s = u32::MAX;
    for record in &answer.answers {
        if let RData::A(address) = &record.data {
            addresses.push(IpAddr::V4(address.0));
            ttl_s = ttl_s.min(record.ttl);
        }
    }
    ensure!(!addresses.is_empty(), "{server} knows no address of {name}");
    Ok(Answer { addresses, ttl_s })
}
