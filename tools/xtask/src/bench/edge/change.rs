//! What changes between cases: routes, limits, and the edge that begins anew with them.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tidegate_auth::Scope;

use super::super::cores::pinned;
use super::stage::{NAMESPACE, Stage, TOKEN_LIFE};
use super::variables::UNLIMITED;
use crate::process::Service;
use crate::region::Place;
use crate::routes;
use crate::token;
use crate::up::{HOST, ready};

/// Limits that count every message of a viewer: of the address, the subject and the room.
pub const FEWEST_POLICIES: usize = 3;
/// With a limit for the kind of call, and one for the namespace.
pub const MOST_POLICIES: usize = 5;

impl Stage<'_> {
    /// Ends the edge and starts it again, so that nothing of what it has read before is left. `limit_routes` as the variable
    /// has it.
    pub fn restart(&mut self, limit_routes: &str) -> Result<()> {
        let mut settings = self.settings.clone();
        settings.set("limit_routes", limit_routes);
        let mut command = self.host.command(&format!("{HOST}:{}", self.plan.edge));
        command.envs(settings.environment());
        self.replace(command)?;
        let url = format!("{}/static", self.plan.edge_url());
        self.wait("tidegate", |_| ready::get(&url))
    }

    fn replace(&mut self, command: Command) -> Result<()> {
        let on_server = self.cores.as_ref().map(|cores| cores.server.as_str());
        let mut command = pinned(command, on_server);
        let of_edge = |service: &&mut Service<'_>| service.name() == "tidegate";
        let service = self.services.iter_mut().find(of_edge);
        let service = service.context("the edge was not started")?;
        service.end();
        *service = Service::start(self.family, "tidegate", &self.plan.logs(), &mut command)?;
        Ok(())
    }

    /// Writes so many routes to the native peer's constant answer, starts the edge anew, and waits until the last of them is
    /// served.
    pub fn use_routes(&mut self, count: u32) -> Result<()> {
        let file = self.plan.logs().join("routes.json");
        let body = routes_to(&format!("http://{HOST}:{}", self.plan.demo), count);
        fs::write(&file, body.to_string())
            .with_context(|| format!("{} cannot be written", file.display()))?;
        routes::put(
            &file,
            self.host.manifest(),
            &Place::default(),
            &self.settings,
        )?;
        self.restart("")?;
        let last = count.saturating_sub(1).to_string();
        let url = self.plan.edge_url() + &REQUEST.replace("{n}", &last);
        self.wait("the last route", |_| ready::get(&url))
    }

    /// Lets so many limits count a message, starts the edge anew, and makes sure by an answer that they do.
    pub fn use_policies(&mut self, count: usize) -> Result<()> {
        ensure!(
            (FEWEST_POLICIES..=MOST_POLICIES).contains(&count),
            "{count} limits cannot count one message"
        );
        let key = self.keys.namespace(NAMESPACE);
        let mut redis = self.redis()?;
        if count == MOST_POLICIES {
            let body = json!({ "limit_messages": UNLIMITED }).to_string();
            redis.call(&["HSET", &key, "version", "1", "body", &body])?;
        } else {
            redis.call(&["DEL", &key])?;
        }
        let of_kind = format!("chat={UNLIMITED}");
        self.restart(if count > FEWEST_POLICIES {
            &of_kind
        } else {
            ""
        })?;
        let told = self.policies_told()?;
        ensure!(
            told == count,
            "{told} limits counted a message where {count} should have"
        );
        Ok(())
    }

    /// How many limits an answer to a message names.
    fn policies_told(&self) -> Result<usize> {
        let args = token::Args::new("bench", &[Scope::Publish], TOKEN_LIFE);
        let token = token::sign(&self.settings, &args)?;
        let url = format!(
            "{}/v1/rooms/{NAMESPACE}.room-0/messages",
            self.plan.edge_url()
        );
        let answer = ureq::post(url)
            .header("authorization", format!("Bearer {token}"))
            .send_json(json!({ "kind": "chat", "data": { "text": "one" } }))
            .context("a message was not taken")?;
        match answer.headers().get("ratelimit-policy") {
            Some(value) => Ok(value.to_str()?.split(',').count()),
            None => bail!("an answer to a message names no limits"),
        }
    }
}

/// The path of each request, of which `{n}` is the route's number.
pub const REQUEST: &str = "/svc-{n}/items/7";

fn routes_to(origin: &str, count: u32) -> serde_json::Value {
    let routes: Vec<_> = (0..count)
        .map(|n| {
            json!({
                "path": format!("/svc-{n}/items/{{id}}"), "methods": ["GET"], "pool": "peer", "to": "/static",
            })
        })
        .collect();
    json!({ "pools": { "peer": { "upstreams": [{ "url": origin }] } }, "routes": routes })
}

#[cfg(test)]
mod tests {
    use tidegate_route::Method;
    use tidegate_upstream::{Config, limits};

    use super::*;

    #[test]
    fn as_many_routes_as_there_may_be_are_taken_and_lead_to_the_peer() {
        let body = routes_to("http://127.0.0.1:8080", 5_000).to_string();
        assert!(body.len() <= limits::CONFIG_BYTES, "{}", body.len());
        let config = Config::parse(&body).unwrap();
        assert_eq!(config.routes().len(), limits::ROUTES);
        for n in ["0", "4999"] {
            let path = REQUEST.replace("{n}", n);
            let (route, found) = config.find(Some(Method::Get), &path).unwrap();
            assert_eq!(route.target.path(&path, &found.params), "/static");
        }
        let beyond = REQUEST.replace("{n}", "5000");
        assert!(config.find(Some(Method::Get), &beyond).is_err());
    }
}
