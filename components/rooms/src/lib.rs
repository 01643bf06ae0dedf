//! The component that reads and writes rooms: the only one that appends to a region's streams.

mod bindings {
    #![allow(missing_docs)]
    #![allow(unsafe_code, reason = "the glue between wasm and Rust is generated")]
    spin_sdk::wit_bindgen::generate!({
        path: ["../../wit/deps/spin-redis@3.0.0", "../../wit/rooms"],
        world: "tidegate:rooms/provider",
        runtime_path: "::spin_sdk::wit_bindgen::rt",
        with: { "spin:redis/redis@3.0.0": spin_sdk::redis::wit::redis },
        generate_all,
    });
    export!(Rooms with_types_in self);
    use super::Rooms;
}

mod change;
mod convert;
mod elsewhere;
mod layout;
mod list;
mod look;
mod nodes;
mod publish;
mod refuse;
mod region;
mod revoked;
mod rules;

use bindings::exports::tidegate::rooms::rooms as wit;
use refuse::bad;
use region::Home;
use tidegate_room::endpoint::Crowd;
use tidegate_stream::calls::{Lasting, Verb};
use tidegate_stream::{Cursor, RoomId};

type Outcome<T> = Result<T, wit::Refusal>;

struct Rooms;

impl wit::Guest for Rooms {
    async fn create(
        at: wit::Place,
        id: String,
        by: wit::Actor,
        mut settings: wit::Settings,
        rooms_max: Option<u64>,
    ) -> Outcome<wit::Room> {
        let home = Home::find(at).await?;
        list::check_room_for_one_more(&home, &id, rooms_max).await?;
        let owner = settings.owner.take();
        let owner = owner.as_deref().unwrap_or(&by.subject);
        let owner = owner.parse().map_err(bad)?;
        let fields = convert::fields(&settings);
        let fields = convert::borrowed(&fields);
        let verb = Verb::Create {
            owner: &owner,
            fields: &fields,
        };
        change::apply(&home, &id, &by, verb).await?;
        look::room(&home, &id).await
    }

    async fn read(at: wit::Place, id: String, by: wit::Reader) -> Outcome<wit::Room> {
        let home = Home::find(at).await?;
        let (room, look) = look::enter(&home, &id, &by, look::Closed::Shown).await?;
        Ok(convert::room(&room, &look))
    }

    async fn change(
        at: wit::Place,
        id: String,
        by: wit::Actor,
        settings: wit::Settings,
    ) -> Outcome<wit::Room> {
        let home = Home::find(at).await?;
        let fields = convert::fields(&settings);
        let fields = convert::borrowed(&fields);
        change::apply(&home, &id, &by, Verb::Change { fields: &fields }).await?;
        look::room(&home, &id).await
    }

    async fn close(at: wit::Place, id: String, by: wit::Actor) -> Outcome<()> {
        let home = Home::find(at).await?;
        change::apply(&home, &id, &by, Verb::Close).await
    }

    async fn publish(at: wit::Place, message: wit::Message) -> Outcome<wit::Receipt> {
        let home = Home::find(at).await?;
        publish::publish(&home, &message, publish::Timed::ByCaller).await
    }

    async fn publish_batch(
        at: wit::Place,
        messages: Vec<wit::Message>,
    ) -> Vec<Outcome<wit::Receipt>> {
        match Home::find(at).await {
            Ok(home) => publish::batch(&home, &messages).await,
            Err(refusal) => messages.iter().map(|_| Err(refusal.clone())).collect(),
        }
    }

    async fn list_rooms(
        at: wit::Place,
        by: wit::Reader,
        namespace: Option<String>,
        after: Option<wit::ListPlace>,
        limit: u32,
    ) -> Outcome<wit::Listing> {
        let home = Home::find(at).await?;
        list::page(&home, &by, namespace.as_deref(), after, limit).await
    }

    async fn disconnect(at: wit::Place, by: wit::Actor, user: String) -> Outcome<()> {
        let home = Home::find(at).await?;
        let user = user.parse().map_err(bad)?;
        let all = RoomId::all();
        change::apply(&home, all.as_str(), &by, Verb::Disconnect { user: &user }).await
    }

    async fn history(
        at: wit::Place,
        id: String,
        by: wit::Reader,
        after: Option<String>,
        limit: u32,
    ) -> Outcome<wit::Page> {
        let home = Home::find(at).await?;
        let after = after
            .map(|text| text.parse::<Cursor>())
            .transpose()
            .map_err(bad)?;
        look::history(&home, &id, &by, after.as_ref(), limit).await
    }

    async fn join(
        at: wit::Place,
        id: String,
        by: wit::Reader,
        named: Vec<wit::Named>,
    ) -> Outcome<wit::Welcome> {
        let home = Home::find(at).await?;
        let (room, look) = look::enter(&home, &id, &by, look::Closed::Refused).await?;
        let crowd = Crowd::Of(&room, look.online);
        Ok(wit::Welcome {
            endpoints: elsewhere::endpoints(&home, named, crowd, look.now_ms).await?,
            cursor: look.cursor().to_string(),
            room: convert::room(&room, &look),
        })
    }

    async fn sanction(
        at: wit::Place,
        id: String,
        by: wit::Actor,
        what: wit::Penalty,
        user: String,
        seconds: Option<u64>,
    ) -> Outcome<()> {
        let home = Home::find(at).await?;
        let user = convert::banned(&user)?;
        let lasting = match seconds {
            None => Lasting::UntilLifted,
            Some(0) => Lasting::Lifted,
            Some(seconds) => Lasting::Seconds(seconds),
        };
        let verb = match what {
            wit::Penalty::Ban => Verb::Ban {
                user: &user,
                lasting,
            },
            wit::Penalty::Mute => Verb::Mute {
                user: &user,
                lasting,
            },
        };
        change::apply(&home, &id, &by, verb).await
    }

    async fn kick(at: wit::Place, id: String, by: wit::Actor, user: String) -> Outcome<()> {
        let home = Home::find(at).await?;
        let user = user.parse().map_err(bad)?;
        change::apply(&home, &id, &by, Verb::Kick { user: &user }).await
    }

    async fn hide(at: wit::Place, id: String, by: wit::Actor, message_id: String) -> Outcome<()> {
        let home = Home::find(at).await?;
        let message = message_id.parse().map_err(bad)?;
        change::apply(&home, &id, &by, Verb::Hide { message: &message }).await
    }

    async fn check_revoked(at: wit::Place, subject: String, token: Option<String>) -> Outcome<()> {
        let home = Home::find(at).await?;
        revoked::check(&home, &subject, token.as_deref()).await
    }

    async fn namespace(at: wit::Place, name: String) -> Outcome<Option<(String, Vec<u8>)>> {
        let home = Home::find(at).await?;
        rules::read(&home, &home.keys.namespace(&name)).await
    }

    async fn rules(at: wit::Place, namespace: String) -> Outcome<Option<(String, Vec<u8>)>> {
        let home = Home::find(at).await?;
        rules::read(&home, &home.keys.rules(&namespace)).await
    }

    async fn ready(at: wit::Place) -> wit::Readiness {
        nodes::ready(at).await
    }
}
