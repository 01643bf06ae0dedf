//! A whole system as running processes.

use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use serde_json::json;

use super::edge::Edge;
use super::plan::{HOST, Plan};
use super::{node, ready, redis};
use crate::process::{Family, Service};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::workspace::Workspace;

/// Redis, the edge and the nodes. All of it ends when this is dropped.
pub struct System<'a> {
    /// In the order in which they were started.
    services: Vec<Service<'a>>,
    settings: Settings,
}

impl<'a> System<'a> {
    /// Starts everything and waits until it can serve.
    ///
    /// # Errors
    /// Says what has died or is not ready, and why; what had been started has ended then.
    pub fn start(
        workspace: &Workspace,
        family: &'a Family,
        progress: &Progress,
        plan: &Plan,
        edge: Edge,
        settings: Settings,
    ) -> Result<Self> {
        let begun = Instant::now();
        let settings = local(settings, plan);
        let bar = progress.bar("start", 4 + plan.nodes.len() as u64);
        let mut system = Self {
            services: vec![redis::start(family, plan)?],
            settings,
        };

        bar.waiting_for("redis");
        ready::wait(
            family.stop(),
            "redis",
            || system.check(),
            || redis::is_ready(plan.redis),
        )?;
        let said = redis::fill(
            plan.redis,
            &system.settings,
            &plan.socket_url(0),
            &plan.edge_url(),
        )
        .context("redis")?;
        bar.done(&format!("redis on {HOST}:{} ({said})", plan.redis));

        let mut processes = vec![("edge".to_owned(), edge.command(workspace, plan))];
        processes.extend(
            (0..plan.nodes.len())
                .map(|index| (node::name(index), node::command(workspace, plan, index))),
        );
        for (name, mut command) in processes {
            command.envs(system.settings.environment());
            system
                .services
                .push(Service::start(family, &name, &plan.logs(), &mut command)?);
        }
        for (name, url) in probes(plan) {
            bar.waiting_for(&name);
            ready::wait(family.stop(), &name, || system.check(), || ready::get(&url))
                .map_err(|error| system.explain(&name, error))?;
            bar.done(&format!("{name} ready"));
        }
        drop(bar);
        progress.say(
            "start",
            &format!("all ready after {:.1} s", begun.elapsed().as_secs_f64()),
        );
        Ok(system)
    }

    /// The settings that its processes got.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// An error when a part of it has died.
    ///
    /// # Errors
    /// Names the part, and shows its last lines.
    pub fn check(&mut self) -> Result<()> {
        self.services.iter_mut().try_for_each(Service::check)
    }

    /// Ends all of it: whoever uses Redis first, at once; then Redis.
    pub fn end(&mut self) {
        for service in self.services.iter_mut().skip(1) {
            service.ask_to_end();
        }
        while let Some(mut service) = self.services.pop() {
            service.end();
        }
    }

    /// Adds the last lines of a part that runs but cannot serve; one that has died shows them already.
    fn explain(&self, name: &str, error: anyhow::Error) -> anyhow::Error {
        match self.services.iter().find(|service| service.name() == name) {
            Some(service) if error.is::<ready::NotReady>() => {
                anyhow!("{error:#}\n{}", service.last_lines())
            }
            _ => error,
        }
    }
}

impl Drop for System<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Where each part says that it can serve. Nodes come before the edge, which is ready only once it knows a node.
fn probes(plan: &Plan) -> Vec<(String, String)> {
    let mut probes: Vec<_> = (plan.nodes.iter().enumerate())
        .map(|(index, ports)| {
            (
                node::name(index),
                format!("http://{HOST}:{}/readyz", ports.admin),
            )
        })
        .collect();
    probes.push(("edge".to_owned(), format!("{}/readyz", plan.edge_url())));
    probes.push(("demo page".to_owned(), plan.demo_url()));
    probes.push(("demo room".to_owned(), plan.demo_room_url()));
    probes
}

/// What `.env` cannot know: where this system listens.
fn local(mut settings: Settings, plan: &Plan) -> Settings {
    let region = settings.get("region").unwrap_or("local").to_owned();
    let regions =
        json!([{ "name": region, "edge": plan.edge_url(), "socket": plan.socket_url(0) }]);
    settings.set("region", region);
    settings.set("regions", regions.to_string());
    settings.set("redis_url", format!("redis://{HOST}:{}", plan.redis));
    let demo = [plan.demo_url(), format!("http://localhost:{}", plan.demo)];
    settings.add_to_list("cors_origins", &demo);
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_own_addresses_replace_those_of_the_file() {
        let workspace = Workspace::find().unwrap();
        let plan = Plan::on_free_ports(&workspace, "unit-test-system", 2).unwrap();
        let settings = local(Settings::load(&workspace).unwrap(), &plan);
        assert_eq!(
            settings.get("redis_url").unwrap(),
            format!("redis://127.0.0.1:{}", plan.redis)
        );
        assert!(
            settings
                .get("cors_origins")
                .unwrap()
                .contains(&format!("http://localhost:{}", plan.demo))
        );
        let regions: serde_json::Value =
            serde_json::from_str(settings.get("regions").unwrap()).unwrap();
        assert_eq!(regions[0]["name"], settings.get("region").unwrap());
        assert_eq!(
            regions[0]["socket"],
            format!("ws://127.0.0.1:{}", plan.nodes[0].socket)
        );
    }
}
