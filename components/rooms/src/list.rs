//! The list of rooms, and how many a namespace has.

use component_link::Again;
use tidegate_stream::RoomId;
use tidegate_stream::calls::{CountRooms, ListRooms, ListedRoom, Place};

use crate::bindings::exports::tidegate::rooms::rooms as wit;
use crate::refuse::{bad, call};
use crate::region::Home;
use crate::revoked;

/// A page of the list. Which of its rooms the reader may see is for the caller to say.
pub(crate) async fn page(
    home: &Home,
    by: &wit::Reader,
    namespace: Option<&str>,
    after: Option<wit::ListPlace>,
    limit: u32,
) -> Result<wit::Listing, wit::Refusal> {
    if !by.guest {
        revoked::check(home, &by.subject, by.token.as_deref()).await?;
    }
    let after = after
        .map(|place| {
            let room = place.room.parse().map_err(bad)?;
            let online = place.online;
            Ok::<_, wit::Refusal>(Place { online, room })
        })
        .transpose()?;
    let list = ListRooms {
        namespace,
        limit,
        after: after.as_ref(),
    };
    let replies = home.call(&list.call(&home.keys), Again::Harmless).await?;
    let listed = list.answer(&replies).map_err(call)?;
    Ok(wit::Listing {
        rooms: listed.rooms.into_iter().map(room).collect(),
        next: listed.next.map(|place| wit::ListPlace {
            online: place.online,
            room: place.room.to_string(),
        }),
    })
}

fn room(listed: ListedRoom) -> wit::Listed {
    wit::Listed {
        id: listed.room.to_string(),
        title: listed.title,
        access: match listed.is_open {
            true => wit::Access::Open,
            false => wit::Access::Token,
        },
        owner: listed.owner,
        created_ms: listed.created_ms,
        online: listed.online,
    }
}

/// Refuses when the namespace of a new room has as many rooms as it may.
pub(crate) async fn check_room_for_one_more(
    home: &Home,
    id: &str,
    rooms_max: Option<u64>,
) -> Result<(), wit::Refusal> {
    let Some(most) = rooms_max else {
        return Ok(());
    };
    let room: RoomId = id.parse().map_err(bad)?;
    let count = CountRooms {
        namespace: room.namespace(),
    };
    let replies = home.call(&count.call(&home.keys), Again::Harmless).await?;
    if count.answer(&replies).map_err(call)? >= most {
        return Err(wit::Refusal::TooManyRooms(most));
    }
    Ok(())
}
