//! A question to one name server, as a resolver that knows its client's network would ask it.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use simple_dns::rdata::{OPT, OPTCode, RData};
use simple_dns::{CLASS, Name, Packet, QCLASS, QTYPE, Question, RCODE, TYPE};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// What EDNS promises to take.
const MOST_BYTES: u16 = 1_232;
/// EDNS client subnet (RFC 7871).
const CLIENT_SUBNET: u16 = 8;

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// IPv4 addresses, in the order of the answer.
    pub addresses: Vec<IpAddr>,
    /// The least time to live among them, seconds.
    pub ttl_s: u32,
}

/// Asks for the IPv4 addresses of a name; `subnet` says for whom: an address, and how many bits of it count.
///
/// # Errors
/// When nobody answers within two seconds, or the answer is an error, for another question, or without an address.
pub fn ask(server: SocketAddr, name: &str, subnet: Option<(IpAddr, u8)>) -> Result<Answer> {
    let id = RandomState::new().build_hasher().finish() as u16;
    let mut question = Packet::new_query(id);
    let asked = Name::new(name).with_context(|| format!("{name:?} is no name"))?;
    question.questions.push(Question::new(
        asked,
        QTYPE::TYPE(TYPE::A),
        QCLASS::CLASS(CLASS::IN),
        false,
    ));
    if let Some((address, bits)) = subnet {
        *question.opt_mut() = Some(OPT {
            opt_codes: vec![OPTCode {
                code: CLIENT_SUBNET,
                data: client_subnet(address, bits).into(),
            }],
            udp_packet_size: MOST_BYTES,
            version: 0,
        });
    }
    let bytes = (question.build_bytes_vec()).context("the question cannot be written")?;
    let any: IpAddr = if server.is_ipv4() {
        [0; 4].into()
    } else {
        [0u8; 16].into()
    };
    let socket = UdpSocket::bind((any, 0)).context("no socket to ask from")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(server)?;
    socket.send(&bytes)?;
    let mut buffer = [0; MOST_BYTES as usize];
    let length = (socket.recv(&mut buffer)).with_context(|| format!("no answer from {server}"))?;
    let answer = Packet::parse(&buffer[..length]).context("the answer cannot be read")?;
    ensure!(answer.id() == id, "an answer to another question");
    if answer.rcode() != RCODE::NoError {
        bail!("{server} answers {:?}", answer.rcode());
    }
    let mut addresses = Vec::new();
    let mut ttl_s = u32::MAX;
    for record in &answer.answers {
        if let RData::A(address) = &record.rdata {
            addresses.push(IpAddr::V4(address.address.into()));
            ttl_s = ttl_s.min(record.ttl);
        }
    }
    ensure!(!addresses.is_empty(), "{server} knows no address of {name}");
    Ok(Answer { addresses, ttl_s })
}

/// Family, bits asked for, bits answered for (none yet), and as many bytes of the address as the bits need.
fn client_subnet(address: IpAddr, bits: u8) -> Vec<u8> {
    let (family, octets) = match address {
        IpAddr::V4(address) => (1, address.octets().to_vec()),
        IpAddr::V6(address) => (2, address.octets().to_vec()),
    };
    let mut data = vec![0, family, bits, 0];
    data.extend(octets.iter().take(usize::from(bits.div_ceil(8))));
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_is_written_as_rfc_7871_shows_it() {
        assert_eq!(
            client_subnet([198, 51, 100, 0].into(), 24),
            [0, 1, 24, 0, 198, 51, 100]
        );
        let six: IpAddr = "2001:db8::".parse().unwrap();
        assert_eq!(client_subnet(six, 32), [0, 2, 32, 0, 0x20, 1, 0x0d, 0xb8]);
    }

    #[test]
    fn a_server_that_is_not_there_is_named() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        drop(socket);
        let error = format!("{:#}", ask(address, "a.test", None).unwrap_err());
        assert!(error.contains(&address.to_string()), "{error}");
    }
}
