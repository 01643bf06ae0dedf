#!lua name=tidegate

-- Everything that Tidegate changes in Redis in one step. Keys, arguments and answers: docs/redis.md.
--
-- Redis does not roll a failed function back, so each one checks first and writes after. Keys that are not in KEYS are
-- derived from one that is: this needs no Redis Cluster, and Tidegate does not run on one (a shard's keys lie together,
-- `regions` and `clock` lie on every address).

-- A loader replaces an older version only. Raise it with every change of this file.
local VERSION = 6

-- How far the first id of a new run is above everything that this Redis remembers.
local JUMP_MS = 60000
-- How long appends wait for other regions to give back what this Redis lost.
local RECOVER_MS = 3000
-- Idempotency holds that long.
local ONCE_MS = 600000
-- Between two `likes` entries of a room.
local LIKES_MS = 200
-- A node's count of viewers holds that long, and its key a little longer.
local ONLINE_MS = 30000
local ONLINE_KEY_MS = 60000
-- Closed rooms, lifted bans and the last ids of a subject's own room are remembered that long.
local WEEK_MS = 604800000
-- A stamp from elsewhere that is so far ahead of the clock is counted.
local AHEAD_MS = 60000
-- How far apart clocks may be: for what a tombstone is about to stop, and for counts of viewers from elsewhere.
local LEEWAY_MS = 3600000
local LEEWAY_ONLINE_MS = 5000
-- A node's line that holds for longer than this was written by a wrong clock, and keeps nobody from the name.
local NODE_MOST_MS = 60000
-- "Until lifted": the end of the year 9999.
local FOREVER_MS = 253402300799000

-- What one call may do at most.
local MOST_PRESENCE = 500
local MOST_FLUSHED = 500
local MOST_CLEANED = 16
local MOST_RESUMMED = 8
local MOST_FIELDS = 32
local MOST_ORIGINS = 16
local MOST_POLICIES = 16
local MOST_ENTRIES = 1000
local MOST_BYTES = 4194304
local MOST_MODERATORS = 16
local MOST_SHARDS = 1024
local MOST_LISTED = 200
local MOST_LOOKED_AT = 1000
local MOST_RELAYED = 32
local MOST_STRINGS = 64
local MOST_MERGED = 500
local MOST_MERGE_ARGS = 6100
local MOST_ROOM_FIELDS = 128
local MOST_REGION_BYTES = 4096
local MOST_NODE_BYTES = 4096
local MOST_LEASE_MS = 60000
local CHUNK = 64
local LIST_CHUNK = 8

local LANES = { chat = 'chat', custom = 'chat', gift = 'gift', control = 'control' }
local STREAMS = { chat = 'chat', gift = 'keep', control = 'keep' }

-- Numbers and answers ------------------------------------------------------------------------------------------------

-- Lua's own formatting turns large numbers into 1.7e+12.
local function text(number)
  return string.format('%d', number)
end

local function refused(code, seconds)
  return { 'refused', code, text(seconds or 0) }
end

local function bad(why)
  return { 'refused', 'bad_call', why, '0' }
end

-- The number that a decimal text says, or nil when it is none or out of bounds.
local function int(value, least, most)
  if type(value) ~= 'string' or #value > 15 or not string.find(value, '^%d+$') then
    return nil
  end
  local number = tonumber(value)
  if number < least or number > most then
    return nil
  end
  return number
end

local function seconds_until(then_ms, now_ms)
  if then_ms >= FOREVER_MS then
    return 0
  end
  return math.max(1, math.ceil((then_ms - now_ms) / 1000))
end

-- Names --------------------------------------------------------------------------------------------------------------

-- Patterns are held to the beginning: one that looks for a letter that is not allowed is tried anew at each.
local function is_region(name)
  return #name <= 16 and string.find(name, '^[a-z0-9%-]+$') ~= nil
end

local function is_node(name)
  return #name <= 32 and string.find(name, '^[a-z0-9%-]+$') ~= nil
end

local function is_subject(name)
  return #name <= 63 and string.find(name, '^[A-Za-z0-9._%-]+$') ~= nil
end

local function is_reserved(room)
  return string.find(room, '^[~!]') ~= nil
end

local function is_room(name)
  if string.sub(name, 1, 1) == '~' then
    return is_subject(string.sub(name, 2))
  end
  return name == '!all' or (#name <= 64 and string.find(name, '^[A-Za-z0-9._%-]+$') ~= nil)
end

-- A subject, or in `!all` a token's id.
local function is_banned_name(room, name)
  if room == '!all' and string.find(name, '^jti:') then
    return #name <= 132 and string.find(name, '^jti:[A-Za-z0-9._%-]+$') ~= nil
  end
  return is_subject(name)
end

-- What precedes the first dot, as in crates/stream.
local function namespace_of(room)
  return string.match(room, '^([^.]+)%.') or 'default'
end

-- The names of a list that is written with commas, as a set, and how many there are.
local function names_in(list)
  local names, count = {}, 0
  for name in string.gmatch(list or '', '[^,]+') do
    names[name] = true
    count = count + 1
  end
  return names, count
end

-- Ids ----------------------------------------------------------------------------------------------------------------

local ZERO = { ms = 0, seq = 0, text = '0-0' }

local function parse_id(value)
  local ms, seq = string.match(value or '', '^(%d+)-(%d+)$')
  if not ms or #ms > 15 or #seq > 15 then
    return nil
  end
  return { ms = tonumber(ms), seq = tonumber(seq), text = value }
end

local function new_id(ms, seq)
  return { ms = ms, seq = seq, text = string.format('%d-%d', ms, seq) }
end

local function is_above(one, other)
  return one.ms > other.ms or (one.ms == other.ms and one.seq > other.seq)
end

local function stored_id(value)
  return value and parse_id(value) or ZERO
end

-- The last id of a stream.
local function last_id(key)
  local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  return newest and parse_id(newest[1]) or ZERO
end

-- Stamped fields -----------------------------------------------------------------------------------------------------

local function stamped(value)
  local ms, region, rest = string.match(value or '', '^(%d+)%.([a-z0-9%-]+) (.*)$')
  if not ms or #ms > 15 then
    return nil
  end
  return { ms = tonumber(ms), region = region, value = rest }
end

-- What a field says, without its stamp. Most fields that are asked for are not there.
local function field_value(value)
  if not value then
    return nil
  end
  local ms, said = string.match(value, '^(%d+)%.[a-z0-9%-]+ (.*)$')
  return ms and #ms <= 15 and said or nil
end

-- A stamp above the clock and above what the fields now carry, so that the newest change wins even when the clock is late.
local function new_stamp(now_ms, region, current)
  local ms = now_ms
  for _, value in pairs(current) do
    local field = stamped(value)
    if field and field.ms >= ms then
      ms = field.ms + 1
    end
  end
  return text(ms) .. '.' .. region
end

-- Until when a ban or a mute holds; 0 when it does not.
local function until_ms(hash, user, now_ms)
  if user == '' then
    return 0
  end
  local ends = tonumber(field_value(redis.call('HGET', hash, user)) or '0') or 0
  return ends > now_ms and ends or 0
end

-- Where we are -------------------------------------------------------------------------------------------------------

local function redis_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- The run of this Redis, which changes with every restart and every promotion. Found as plain text: a pattern tries each
-- letter of the report before it.
local function current_run()
  local report = redis.call('INFO', 'replication')
  local _, before = string.find(report, 'master_replid:', 1, true)
  return string.sub(report, before + 1, before + 40)
end

local function redis_ms()
  return math.floor(redis_us() / 1000)
end

local function is_same_list(one, other)
  for i = 1, #one do
    if one[i] ~= other[i] then
      return false
    end
  end
  return #one == #other
end

-- What the last reading of the regions came to. It is the same for nearly every call, and JSON is dear to read.
local last_regions = { known = {} }

-- The regions in name order; the own one is always there. Who cannot be read counts as joining: its log is kept in
-- answers, and nobody waits for it.
local function regions_of(prefix, own)
  local known = redis.call('HGETALL', prefix .. ':regions')
  if own and is_same_list(known, last_regions.known) and last_regions.own == own then
    return last_regions.list
  end
  local list, own_named = {}, false
  for i = 1, #known, 2 do
    local good, region = pcall(cjson.decode, known[i + 1])
    local state = good and type(region) == 'table' and region.state or 'joining'
    if known[i] == own then
      own_named = true
      state = 'active'
    end
    list[#list + 1] = { name = known[i], state = state }
  end
  if own and not own_named then
    list[#list + 1] = { name = own, state = 'active' }
  end
  table.sort(list, function(one, other) return one.name < other.name end)
  if own then
    last_regions = { known = known, own = own, list = list }
  end
  return list
end

-- The bounds of the last call that was not refused for them: a region's calls have all the same.
local last_bounds = {}

-- The four bounds that begin at an argument, or nil. They stay texts: as numbers, each command would format them anew.
local function bounds_at(args, at)
  local chat, keep, log, retention_ms = unpack(args, at, at + 3)
  local last = last_bounds
  if chat == last.chat and keep == last.keep and log == last.log and retention_ms == last.retention_ms and last.chat then
    return last
  end
  if int(chat, 1, 100000) and int(keep, 1, 100000) and int(log, 1, 10000000) and int(retention_ms, 1, 2592000000) then
    last_bounds = { chat = chat, keep = keep, log = log, retention_ms = retention_ms }
    return last_bounds
  end
  return nil
end

local BAD_BOUNDS = 'a bound is not a number or out of range'

-- What keys of shards are made of, by key of the log. There are few, and they come with every call.
local shard_names, shards_named = {}, 0

-- The base and the prefix of a shard's keys, or nil when those of log and run do not belong together and to the region.
local function names_of_shard(log_key, run_key, region)
  local names = shard_names[log_key]
  if not names then
    local base, prefix = string.match(log_key, '^((.+):{%d+}):log:[a-z0-9%-]+$')
    if not base or log_key ~= base .. ':log:' .. region then
      return nil
    end
    if shards_named >= MOST_SHARDS then
      shard_names, shards_named = {}, 0
    end
    names = { base = base, prefix = prefix, region = region, run_key = base .. ':run' }
    shard_names[log_key], shards_named = names, shards_named + 1
  end
  if names.region ~= region or names.run_key ~= run_key then
    return nil
  end
  return names
end

-- A shard of this region, ready to be appended to; nil and why not, when the keys do not belong together.
local function open_shard(log_key, run_key, region, bounds)
  if not is_region(region) then
    return nil, 'the region is not a name'
  end
  local names = names_of_shard(log_key, run_key, region)
  if not names then
    return nil, 'the keys of log and run do not fit the region'
  end
  local run = redis.call('HMGET', run_key, 'id', 'seen', 'since_ms', 'whole', 'given', 'last')
  -- Five times cheaper than asking the stream for its end, and it also holds when somebody deleted the stream.
  local last = stored_id(run[6])
  if redis.call('XREAD', 'COUNT', '1', 'STREAMS', log_key, last.text) then
    last = last_id(log_key)
  end
  return {
    region = region,
    base = names.base,
    prefix = names.prefix,
    log_key = log_key,
    run_key = run_key,
    log_max = bounds.log,
    retention_ms = bounds.retention_ms,
    now_ms = redis_ms(),
    regions = regions_of(names.prefix, region),
    replid = current_run(),
    run_id = run[1],
    seen = run[2],
    since_ms = tonumber(run[3] or '') or 0,
    whole = run[4],
    given = stored_id(run[5]),
    last = last,
  }
end

local function see_run(shard)
  if shard.seen ~= shard.replid then
    redis.call('HSET', shard.run_key, 'seen', shard.replid, 'since_ms', text(shard.now_ms))
    shard.seen = shard.replid
    shard.since_ms = shard.now_ms
  end
end

-- Whether appends must wait: this Redis may have lost its tail, and another region may still give it back. A clock that
-- steps back meanwhile ends the wait, since it would otherwise last as long as the step.
local function is_recovering(shard)
  see_run(shard)
  if shard.whole == shard.replid or shard.run_id == shard.replid then
    return false
  end
  local waited_ms = shard.now_ms - shard.since_ms
  if waited_ms < 0 or waited_ms >= RECOVER_MS then
    return false
  end
  for _, other in ipairs(shard.regions) do
    if other.name ~= shard.region and other.state == 'active'
      and redis.call('HGET', shard.run_key, 'whole:' .. other.name) ~= shard.replid then
      return true
    end
  end
  return false
end

local function entry_field(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then
      return fields[i + 1]
    end
  end
  return nil
end

-- Where the ids of a new run begin: above all that this Redis may have given and lost. The clock says it, since no crash
-- takes it back: whichever run came before began that much earlier. By the ids that are left it would begin at the same
-- place again when a second crash takes back all that came after a first one. They say it when the clock was set back.
local function begin_ms(shard, base)
  local clock_ms = math.max(shard.now_ms, tonumber(redis.call('GET', shard.prefix .. ':clock') or '') or 0)
  local newest = redis.call('XREVRANGE', shard.log_key, '+', '-', 'COUNT', 1)[1]
  local at_ms = newest and tonumber(entry_field(newest[2], 'at_ms') or '')
  if at_ms and at_ms <= shard.now_ms and base.ms < clock_ms + JUMP_MS then
    return clock_ms + JUMP_MS
  end
  return math.max(clock_ms, base.ms) + JUMP_MS
end

-- The next id, above the log, above ids that were given without an append, and above the room stream's last one.
local function next_id(shard, room_last)
  local base = shard.last
  if is_above(shard.given, base) then
    base = shard.given
  end
  if room_last and is_above(room_last, base) then
    base = room_last
  end
  local ms = math.max(shard.now_ms, base.ms)
  if shard.run_id ~= shard.replid then
    ms = begin_ms(shard, base)
  end
  if ms == base.ms then
    return new_id(ms, base.seq + 1)
  end
  return new_id(ms, 0)
end

-- Appending ----------------------------------------------------------------------------------------------------------

-- A room stream that this call may append to. Its last id lies in the room's hash, since it outlives the stream.
local function stream_of(room, name, region, most, last)
  return {
    key = room.key .. ':' .. name .. ':' .. region, field = 'last:' .. name .. ':' .. region, most = most, trim = '~', last = last,
  }
end

-- A room may keep less than its region does, and then exactly that much: at a few dozen entries, whole blocks are too coarse.
local function keep_own(stream, field)
  local own = tonumber(field_value(field) or '') or 0
  if own > 0 and own < tonumber(stream.most) then
    stream.most, stream.trim = text(own), '='
  end
end

-- Keeps a room's stream for `retention_ms` from now, and up to a 64th longer: then its end need not be moved, nor the move
-- written to the append-only file, with every message.
local function keep_alive(key, retention_ms)
  local longest_ms = retention_ms + math.ceil(retention_ms / 64)
  local left_ms = redis.call('PTTL', key)
  if left_ms < retention_ms or left_ms > longest_ms then
    redis.call('PEXPIRE', key, text(longest_ms))
  end
end

-- `stream` is nil for counters. The room stream comes first: of all writes only this one could be refused (an id not
-- above what lies there, another type), and then nothing has been written.
local function append(shard, id, entry, room, stream)
  local rp = stream and stream.last.text or '0-0'
  local fields = {
    'v', '1', 'room', entry.room, 'kind', entry.kind, 'lane', entry.lane or '', 'sub', entry.sub,
    'info', entry.info or '', 'data', entry.data, 'at_ms', text(shard.now_ms), 'key', entry.key or '',
    'hash', entry.hash or '', 'trace', entry.trace or '', 'sp', shard.last.text, 'rp', rp,
  }
  if stream then
    redis.call('XADD', stream.key, 'MAXLEN', stream.trim, stream.most, id.text, unpack(fields))
    keep_alive(stream.key, tonumber(shard.retention_ms))
  end
  -- Ids of one second cut nothing that the first of them did not.
  if math.floor(id.ms / 1000) == math.floor(shard.last.ms / 1000) then
    redis.call('XADD', shard.log_key, id.text, unpack(fields))
  else
    local oldest_ms = math.max(0, id.ms - shard.retention_ms)
    redis.call('XADD', shard.log_key, 'MINID', '~', text(oldest_ms), id.text, unpack(fields))
  end
  if redis.call('XLEN', shard.log_key) > tonumber(shard.log_max) then
    redis.call('XTRIM', shard.log_key, 'MAXLEN', '~', shard.log_max)
  end
  if shard.run_id == shard.replid then
    redis.call('HSET', shard.run_key, 'last', id.text)
  else
    redis.call('HSET', shard.run_key, 'id', shard.replid, 'last', id.text)
  end
  if stream then
    redis.call('HSET', room.key, stream.field, id.text)
    -- One for each subject: without an end they would pile up.
    if string.sub(room.name, 1, 1) == '~' then
      redis.call('PEXPIRE', room.key, WEEK_MS)
    end
  end
  shard.last = id
  shard.run_id = shard.replid
end

-- Pairs of origin and last id of its log here: the position just after an append.
local function positions(shard, into)
  for _, region in ipairs(shard.regions) do
    if region.name == shard.region then
      into[#into + 1] = region.name
      into[#into + 1] = shard.last.text
    elseif region.state ~= 'retired' then
      into[#into + 1] = region.name
      into[#into + 1] = last_id(shard.base .. ':log:' .. region.name).text
    end
  end
  return into
end

-- tg_publish ---------------------------------------------------------------------------------------------------------

local function append_likes(shard, name, total)
  append(shard, next_id(shard), { room = name, kind = 'likes', sub = '', data = total })
  redis.call('HSET', shard.base .. ':likes', name, total .. ' ' .. text(shard.now_ms))
end

-- The total and the time of the last `likes` entry of a room, from `TOTAL AT_MS`.
local function appended_likes(row)
  local total, at_ms = string.match(row or '', '^(%d+) (%d+)$')
  return total, tonumber(at_ms or '')
end

local function likes_due(shard, at_ms)
  return not at_ms or shard.now_ms - at_ms >= LIKES_MS or shard.now_ms < at_ms
end

-- A like is counted, and told at most every 200 ms; what is left over is told by tg_flush.
local function like(shard, room, likes_key, shadow)
  if shadow then
    return { 'counted', redis.call('GET', likes_key) or '0' }
  end
  local total = text(redis.call('INCR', likes_key))
  local _, at_ms = appended_likes(redis.call('HGET', shard.base .. ':likes', room.name))
  if likes_due(shard, at_ms) then
    append_likes(shard, room.name, total)
  end
  return { 'counted', total }
end

-- The first answer to an idempotency key: `ID HASH ORIGIN POSITION ...`.
local function repeated(once, hash)
  local words = {}
  for word in string.gmatch(once, '%S+') do
    words[#words + 1] = word
  end
  if words[2] ~= hash then
    return refused('key_reused')
  end
  table.remove(words, 2)
  return words
end

local function why_bad_message(sub, info, data, key, hash, trace, flags, kind)
  if not is_subject(sub) then
    return 'the subject is not a name'
  elseif #info > 1024 or #data > 16384 or #key > 255 or #trace > 255 then
    return 'info, data, key or trace is too long'
  elseif string.find(flags, '[^asvfm]') then
    return 'a flag is unknown'
  elseif kind == 'like' then
    return key ~= '' and 'a like takes no key' or nil
  elseif not LANES[kind] then
    return 'this kind is not published'
  elseif #hash ~= 32 or not string.find(hash, '^[0-9a-f]+$') then
    return 'the hash is not 32 lower-case hex digits'
  end
  return nil
end

-- Owner and moderators speak as they like: slow mode and the like are for the others.
local function is_above_rules(message, room)
  return message.moderates or message.sub == room.owner or names_in(room.moderators)[message.sub] or false
end

-- Why a viewer may not publish this here now, or nil.
local function why_not_viewer(message, room, keys, now_ms)
  if room.access == 'token' and not message.may_enter then
    return refused('not_allowed')
  end
  local banned = until_ms(keys[4], message.sub, now_ms)
  if banned > 0 then
    return refused('banned', seconds_until(banned, now_ms))
  end
  if message.lane ~= 'chat' then
    return nil
  end
  local muted = until_ms(keys[5], message.sub, now_ms)
  if muted > 0 then
    return refused('muted', seconds_until(muted, now_ms))
  end
  if (room.slow_ms == 0 and not room.gift_only and not room.followers_only) or is_above_rules(message, room) then
    room.slow_ms = 0
    return nil
  end
  if room.gift_only then
    return refused('gift_only')
  end
  if room.followers_only and not message.follows then
    return refused('followers_only')
  end
  if room.slow_ms > 0 then
    local left_ms = redis.call('PTTL', keys[9])
    if left_ms > 0 then
      return refused('slow', math.ceil(left_ms / 1000))
    end
  end
  return nil
end

local function tg_publish(keys, args)
  if #keys ~= 9 or #args ~= 14 then
    return bad('tg_publish takes 9 keys and 14 arguments')
  end
  local region, name, kind, sub, info, data, key, hash, trace, flags = unpack(args, 1, 10)
  local bounds = bounds_at(args, 11)
  if not bounds then
    return bad(BAD_BOUNDS)
  end
  if not is_room(name) then
    return bad('the room is not a name')
  end
  local why = why_bad_message(sub, info, data, key, hash, trace, flags, kind)
  if why then
    return bad(why)
  end
  local lane = LANES[kind]
  local service = string.find(flags, 'v', 1, true) ~= nil
  local shadow = string.find(flags, 's', 1, true) ~= nil
  if (is_reserved(name) and (not service or kind == 'like')) or ((lane == 'gift' or lane == 'control') and not service) then
    return refused('not_allowed')
  end
  local shard
  shard, why = open_shard(keys[1], keys[8], region, bounds)
  if not shard then
    return bad(why)
  end
  local room = { name = name, key = keys[3] }
  local stream_name = STREAMS[lane or 'chat']
  local stream = stream_of(room, stream_name, region, bounds[stream_name])
  if room.key ~= shard.base .. ':room:' .. name or keys[2] ~= stream.key or keys[6] ~= room.key .. ':likes:' .. region then
    return bad('the keys of room, stream and likes do not fit')
  end

  local once = key ~= '' and redis.call('GET', keys[7])
  if once then
    return repeated(once, hash)
  end
  if is_recovering(shard) then
    return refused('recovering', 1)
  end

  local fields = redis.call('HMGET', room.key, 'state', 'access', 'slow_ms', stream.field, 'history_' .. stream_name,
    'followers_only', 'gift_only', 'owner', 'moderators')
  local state = field_value(fields[1])
  room.access = field_value(fields[2])
  room.slow_ms = tonumber(field_value(fields[3]) or '') or 0
  stream.last = stored_id(fields[4])
  keep_own(stream, fields[5])
  room.followers_only = field_value(fields[6]) == '1'
  room.gift_only = field_value(fields[7]) == '1'
  room.owner = field_value(fields[8])
  room.moderators = field_value(fields[9])
  if not is_reserved(name) then
    if not state then
      return refused('no_room')
    elseif state ~= 'open' then
      return refused('closed')
    end
  end
  if not service then
    local has = function(flag) return string.find(flags, flag, 1, true) ~= nil end
    local message = { sub = sub, lane = lane, may_enter = has('a'), follows = has('f'), moderates = has('m') }
    local no = why_not_viewer(message, room, keys, shard.now_ms)
    if no then
      return no
    end
  end
  if kind == 'like' then
    return like(shard, room, keys[6], shadow)
  end

  local id = next_id(shard, stream.last)
  if shadow then
    -- Only the sender sees it, so the id must be one that no other message ever gets.
    redis.call('HSET', shard.run_key, 'id', shard.replid, 'given', id.text)
  else
    append(shard, id, {
      room = name, kind = kind, lane = lane, sub = sub, info = info, data = data, key = key, hash = hash, trace = trace,
    }, room, stream)
  end
  local answer = positions(shard, { id.text })
  if key ~= '' then
    local first = id.text .. ' ' .. hash .. ' ' .. table.concat(answer, ' ', 2)
    redis.call('SET', keys[7], first, 'PXAT', text(shard.now_ms + ONCE_MS))
  end
  if room.slow_ms > 0 and lane == 'chat' and not service then
    redis.call('SET', keys[9], '1', 'PX', text(room.slow_ms))
  end
  return answer
end

-- tg_control ---------------------------------------------------------------------------------------------------------

local function is_flag(value)
  return value == '0' or value == '1'
end

-- How many entries; 0: as many as the region keeps.
local function is_history(value)
  return int(value, 0, 100000) ~= nil
end

local function is_list_of_moderators(value)
  local names, count = names_in(value)
  for name in pairs(names) do
    if not is_subject(name) then
      return false
    end
  end
  -- A comma too many stands for a name that is none.
  return count <= MOST_MODERATORS and select(2, string.gsub(value, ',', '')) == math.max(0, count - 1)
end

-- What may stand in a room's field, by name. Others are kept as they are.
local CHECKS = {
  access = function(value) return value == 'open' or value == 'token' end,
  owner = is_subject,
  slow_ms = function(value) return int(value, 0, 86400000) ~= nil end,
  followers_only = is_flag,
  gift_only = is_flag,
  chat_budget = function(value) return int(value, 0, 100000) ~= nil end,
  history_chat = is_history,
  history_keep = is_history,
  moderators = is_list_of_moderators,
}
-- Set by functions only.
local FIXED = { state = true, created_ms = true }

-- Pairs of field and value from an argument on; nil and why not.
local function read_fields(args, at)
  local fields = {}
  if (#args - at + 1) % 2 ~= 0 or (#args - at + 1) / 2 > MOST_FIELDS then
    return nil, 'fields come in pairs, at most 32'
  end
  for i = at, #args, 2 do
    local name, value = args[i], args[i + 1]
    if #name > 32 or not string.find(name, '^[a-z][a-z0-9_]*$') or FIXED[name] or #value > 1024 then
      return nil, 'a field cannot be set, or its value is too long'
    end
    if CHECKS[name] and not CHECKS[name](value) then
      return nil, 'the value of ' .. name .. ' is not one'
    end
    fields[#fields + 1] = { name = name, value = value }
  end
  return fields
end

-- Sets fields of a room under one stamp; the `data` of the entry that says so.
local function set_fields(shard, room, fields)
  local names, pairs_of, json = {}, {}, {}
  for i, field in ipairs(fields) do
    names[i] = field.name
  end
  -- A later change of any field is above the creation, so that both are told apart by their stamps.
  names[#names + 1] = 'created_ms'
  local stamp = new_stamp(shard.now_ms, shard.region, redis.call('HMGET', room.key, unpack(names)))
  for _, field in ipairs(fields) do
    pairs_of[#pairs_of + 1] = field.name
    pairs_of[#pairs_of + 1] = stamp .. ' ' .. field.value
    json[#json + 1] = cjson.encode(field.name) .. ':' .. cjson.encode(field.value)
  end
  redis.call('HSET', room.key, unpack(pairs_of))
  return '{"stamp":"' .. stamp .. '","fields":{' .. table.concat(json, ',') .. '}}'
end

-- The list of rooms, and how many a namespace has in this shard. Doing it twice changes nothing.
local function enlist(shard, name)
  if redis.call('ZADD', shard.base .. ':rooms', 'NX', 0, name) == 1 then
    redis.call('HINCRBY', shard.base .. ':ns', namespace_of(name), 1)
  end
end

local function delist(shard, name)
  if redis.call('ZREM', shard.base .. ':rooms', name) == 1 then
    local namespace = namespace_of(name)
    if redis.call('HINCRBY', shard.base .. ':ns', namespace, -1) <= 0 then
      redis.call('HDEL', shard.base .. ':ns', namespace)
    end
  end
end

-- Looks at a few bans and drops those that nobody has to be told of any more, so that the hash stays bounded.
local function drop_old_bans(key, now_ms)
  local some = redis.call('HRANDFIELD', key, MOST_CLEANED, 'WITHVALUES')
  for i = 1, #some, 2 do
    local ban = stamped(some[i + 1])
    local ends = ban and tonumber(ban.value) or 0
    local over_ms = ends == 0 and (ban and ban.ms or 0) or ends
    if over_ms < now_ms - WEEK_MS then
      redis.call('HDEL', key, some[i])
    end
  end
end

-- The same for hidden messages that are in no stream any more. A young one may still be on its way from its region.
local function drop_old_hidden(shard, room, key)
  for _, message in ipairs(redis.call('HRANDFIELD', key, MOST_CLEANED)) do
    local origin, ms, seq = string.match(message, '^([a-z0-9%-]+)%-(%d+)%-(%d+)$')
    local id = ms and ms .. '-' .. seq
    if not id or tonumber(ms) < shard.now_ms - shard.retention_ms then
      local kept = id and (#redis.call('XRANGE', room.key .. ':keep:' .. origin, id, id) > 0
        or #redis.call('XRANGE', room.key .. ':chat:' .. origin, id, id) > 0)
      if not kept then
        redis.call('HDEL', key, message)
      end
    end
  end
end

-- What remains of a room that was closed: a hash that says so for a week, so that the id is not used again soon. The week
-- counts from the closing and not from when it was heard of, else regions would remind each other of it for ever. The rest
-- goes when its readers have gone.
local function bury(place, room, closed_ms)
  redis.call('PEXPIREAT', room.key, text(closed_ms + WEEK_MS))
  delist(place, room.name)
  redis.call('HDEL', place.base .. ':likes', room.name)
  for _, what in ipairs({ ':bans', ':mutes', ':hidden', ':online' }) do
    redis.call('PEXPIRE', room.key .. what, place.retention_ms)
  end
  for _, region in ipairs(place.regions) do
    for _, what in ipairs({ ':keep:', ':chat:', ':likes:' }) do
      redis.call('PEXPIRE', room.key .. what .. region.name, place.retention_ms)
    end
  end
end

local function close_room(shard, room)
  local data = set_fields(shard, room, { { name = 'state', value = 'closed' } })
  bury(shard, room, shard.now_ms)
  return data
end

local function sanction(shard, room, key, user, seconds)
  local ends = 0
  if seconds == '-1' then
    ends = FOREVER_MS
  elseif seconds ~= '0' then
    ends = shard.now_ms + tonumber(seconds) * 1000
  end
  local stamp = new_stamp(shard.now_ms, shard.region, { redis.call('HGET', key, user) })
  drop_old_bans(key, shard.now_ms)
  redis.call('HSET', key, user, stamp .. ' ' .. text(ends))
  return '{"stamp":"' .. stamp .. '","user":"' .. user .. '","until_ms":' .. text(ends) .. '}'
end

local function check_sanction(room, own)
  if #own ~= 2 or not is_banned_name(room.name, own[1]) then
    return 'ban and mute take a user and seconds'
  end
  if own[2] ~= '-1' and not int(own[2], 0, 31536000000) then
    return 'seconds are -1 or a number'
  end
  return nil
end

local function check_user(_, own)
  if #own ~= 1 or not is_subject(own[1]) then
    return 'kick and disconnect take a user'
  end
  return nil
end

local function user_data(_, _, _, own)
  return '{"user":"' .. own[1] .. '"}'
end

-- `check` says why the verb's own arguments are bad; `act` writes the change and answers the entry's `data`. `moderated`:
-- a moderator of the room may do it, to a `user` who is not owner or moderator, or to any `message`.
local VERBS = {
  create = {
    kind = 'state',
    check = function(_, own)
      if #own < 1 or not is_subject(own[1]) then
        return 'create takes an owner'
      end
      local fields, why = read_fields(own, 2)
      for _, field in ipairs(fields or {}) do
        if field.name == 'owner' then
          return 'create takes the owner by itself, not as a field'
        end
      end
      return why
    end,
    act = function(shard, room, _, own)
      local fields = {
        { name = 'state', value = 'open' },
        { name = 'owner', value = own[1] },
        { name = 'created_ms', value = text(shard.now_ms) },
      }
      local given = {}
      for _, field in ipairs((read_fields(own, 2))) do
        given[field.name] = true
        fields[#fields + 1] = field
      end
      for _, default in ipairs({ { 'title', '' }, { 'access', 'open' }, { 'slow_ms', '0' } }) do
        if not given[default[1]] then
          fields[#fields + 1] = { name = default[1], value = default[2] }
        end
      end
      enlist(shard, room.name)
      return set_fields(shard, room, fields)
    end,
  },
  change = {
    kind = 'state',
    check = function(_, own)
      local fields, why = read_fields(own, 1)
      return why or (#fields == 0 and 'change takes at least one field') or nil
    end,
    act = function(shard, room, _, own)
      return set_fields(shard, room, (read_fields(own, 1)))
    end,
  },
  close = {
    kind = 'state',
    check = function(_, own)
      return #own > 0 and 'close takes nothing' or nil
    end,
    act = close_room,
  },
  ban = {
    kind = 'ban',
    reserved = true,
    moderated = 'user',
    check = check_sanction,
    act = function(shard, room, keys, own) return sanction(shard, room, keys[4], own[1], own[2]) end,
  },
  mute = {
    kind = 'mute',
    reserved = true,
    moderated = 'user',
    check = check_sanction,
    act = function(shard, room, keys, own) return sanction(shard, room, keys[5], own[1], own[2]) end,
  },
  kick = { kind = 'kick', reserved = true, moderated = 'user', check = check_user, act = user_data },
  disconnect = {
    kind = 'disconnect',
    reserved = true,
    check = function(room, own)
      return room.name ~= '!all' and 'disconnect is for the room !all' or check_user(room, own)
    end,
    act = user_data,
  },
  hide = {
    kind = 'hide',
    reserved = true,
    moderated = 'message',
    check = function(_, own)
      local origin = #own == 1 and #own[1] <= 64 and string.match(own[1], '^([a-z0-9%-]+)%-%d+%-%d+$')
      return not (origin and is_region(origin)) and 'hide takes a message id' or nil
    end,
    act = function(shard, room, keys, own)
      local stamp = new_stamp(shard.now_ms, shard.region, { redis.call('HGET', keys[6], own[1]) })
      drop_old_hidden(shard, room, keys[6])
      redis.call('HSET', keys[6], own[1], stamp)
      if string.sub(room.name, 1, 1) == '~' then
        redis.call('PEXPIRE', keys[6], WEEK_MS)
      end
      return '{"stamp":"' .. stamp .. '","id":"' .. own[1] .. '"}'
    end,
  },
}

-- Whether the room itself gives somebody the right to a verb: as its owner (`right` 1), or as owner or moderator (2).
local function has_right(right, by, verb, own, owner, moderators)
  if by == owner then
    return true
  end
  local names = names_in(moderators)
  if right == '1' or not verb.moderated or not names[by] then
    return false
  end
  return verb.moderated == 'message' or not (own[1] == owner or names[own[1]])
end

local function tg_control(keys, args)
  if #keys ~= 7 or #args < 10 then
    return bad('tg_control takes 7 keys and 10 arguments before the verb\'s own')
  end
  local region, name, verb_name, by, right, trace = unpack(args, 1, 6)
  local bounds = bounds_at(args, 7)
  if not bounds then
    return bad(BAD_BOUNDS)
  end
  local verb = VERBS[verb_name]
  if not verb or not is_room(name) then
    return bad('the room is not a name, or the verb is unknown')
  end
  if (by ~= '' and not is_subject(by)) or #trace > 255 or not int(right, 0, 2) then
    return bad('by, right or trace is malformed')
  end
  local shard, why = open_shard(keys[1], keys[7], region, bounds)
  if not shard then
    return bad(why)
  end
  local room = { name = name, key = keys[3] }
  local stream = stream_of(room, 'keep', region, bounds.keep)
  if room.key ~= shard.base .. ':room:' .. name or keys[2] ~= stream.key then
    return bad('the keys of room and stream do not fit')
  end
  local own = { unpack(args, 11) }
  why = verb.check(room, own)
  if why then
    return bad(why)
  end
  if is_reserved(name) and not verb.reserved then
    return refused('not_allowed')
  end
  if is_recovering(shard) then
    return refused('recovering', 1)
  end

  local fields = redis.call('HMGET', room.key, 'state', 'owner', stream.field, 'moderators', 'history_keep')
  local state = field_value(fields[1])
  stream.last = stored_id(fields[3])
  keep_own(stream, fields[5])
  if verb_name == 'create' then
    if state then
      return refused('exists')
    end
  elseif not is_reserved(name) then
    if not state then
      return refused('no_room')
    elseif state ~= 'open' then
      return refused('closed')
    end
  end
  local owner, moderators = field_value(fields[2]), field_value(fields[4])
  if right ~= '0' and verb_name ~= 'create' and not has_right(right, by, verb, own, owner, moderators) then
    return refused('not_owner')
  end

  local id = next_id(shard, stream.last)
  local data = verb.act(shard, room, keys, own)
  append(shard, id, { room = name, kind = verb.kind, lane = 'control', sub = by, data = data, trace = trace }, room, stream)
  return positions(shard, { id.text })
end

-- tg_join ------------------------------------------------------------------------------------------------------------

-- The shard's base, the prefix and the room's name, from the key of a room.
local function place_of_room(key)
  local base, prefix, name = string.match(key, '^((.+):{%d+}):room:([^:]+)$')
  if not base or not is_room(name) then
    return nil
  end
  return { base = base, prefix = prefix, name = name, key = key }
end

local function settings(room)
  local all = redis.call('HGETALL', room.key)
  local list, state = {}, nil
  for i = 1, #all, 2 do
    local value = field_value(all[i + 1])
    if value and string.sub(all[i], 1, 5) ~= 'last:' then
      list[#list + 1] = all[i]
      list[#list + 1] = value
      if all[i] == 'state' then
        state = value
      end
    end
  end
  return list, state
end

-- Viewers, and which fields have lapsed.
local function online(key, now_ms)
  local counts = redis.call('HGETALL', key)
  local sum, lapsed = 0, {}
  for i = 1, #counts, 2 do
    local count, ends = string.match(counts[i + 1], '^(%d+) (%d+)$')
    if count and tonumber(ends) > now_ms then
      sum = sum + tonumber(count)
    else
      lapsed[#lapsed + 1] = counts[i]
    end
  end
  return sum, lapsed
end

local function tg_join(keys, args)
  local room = #keys == 1 and place_of_room(keys[1])
  if not room or #args ~= 3 then
    return bad('tg_join takes the key of a room and 3 arguments')
  end
  local region, sub, token = args[1], args[2], args[3]
  if not is_region(region) or (sub ~= '' and not is_subject(sub)) or (token ~= '' and not is_banned_name('!all', token)) then
    return bad('region, subject or token is malformed')
  end
  local fields, state = {}, nil
  if not is_reserved(room.name) then
    fields, state = settings(room)
    if not state then
      return refused('no_room')
    end
  end
  local now_ms = redis_ms()
  local banned = until_ms(room.key .. ':bans', sub, now_ms)
  if room.name == '!all' then
    banned = math.max(banned, until_ms(room.key .. ':bans', token, now_ms))
  end
  local answer = { 'state', text(#fields / 2) }
  for _, part in ipairs(fields) do
    answer[#answer + 1] = part
  end
  local regions, likes = regions_of(room.prefix, region), 0
  for _, origin in ipairs(regions) do
    likes = likes + (tonumber(redis.call('GET', room.key .. ':likes:' .. origin.name) or '') or 0)
  end
  for _, part in ipairs({
    'ban', text(banned),
    'mute', text(until_ms(room.key .. ':mutes', sub, now_ms)),
    'likes', text(likes),
    'online', text((online(room.key .. ':online', now_ms))),
    'now', text(now_ms),
  }) do
    answer[#answer + 1] = part
  end
  for _, origin in ipairs(regions) do
    if origin.state ~= 'retired' then
      answer[#answer + 1] = origin.name
      answer[#answer + 1] = last_id(room.base .. ':log:' .. origin.name).text
      answer[#answer + 1] = redis.call('GET', room.base .. ':floor:' .. origin.name) or '0-0'
    end
  end
  return answer
end

-- tg_rooms, tg_count -------------------------------------------------------------------------------------------------

-- Byte by byte, as sorted sets compare: Lua's own comparison goes by the server's locale.
local function is_lower(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then
      return a < b
    end
  end
  return #one < #other
end

-- The order of the list: more viewers first, and of equally many the greater name, as ZREVRANGE has it.
local function comes_first(one, other)
  if one.count ~= other.count then
    return one.count > other.count
  end
  return is_lower(other.name, one.name)
end

-- How many rooms of a shard stand above a place in the list or at it.
local function rank_after(key, place)
  local count = text(place.count)
  local first = redis.call('ZCOUNT', key, '(' .. count, '+inf')
  local last = first + redis.call('ZCOUNT', key, count, count)
  while first < last do
    local middle = math.floor((first + last) / 2)
    if is_lower(redis.call('ZREVRANGE', key, middle, middle)[1], place.name) then
      last = middle
    else
      first = middle + 1
    end
  end
  return first
end

-- A shard's rooms one by one, fetched by the chunk; `head` is the next.
local function list_of(key, rank)
  local list, chunk, at = {}, {}, 1
  function list.pass()
    at = at + 2
    if at > #chunk then
      chunk, at = redis.call('ZREVRANGE', key, rank, rank + LIST_CHUNK - 1, 'WITHSCORES'), 1
      rank = rank + LIST_CHUNK
    end
    list.head = chunk[at] and { name = chunk[at], count = tonumber(chunk[at + 1]), key = list.base .. chunk[at] }
  end
  list.base = string.sub(key, 1, -2) .. ':'
  list.pass()
  return list
end

-- Puts the list at `i` of a heap in its place below.
local function sift(heap, i)
  while true do
    local first = i
    for child = 2 * i, math.min(2 * i + 1, #heap) do
      if comes_first(heap[child].head, heap[first].head) then
        first = child
      end
    end
    if first == i then
      return
    end
    heap[i], heap[first] = heap[first], heap[i]
    i = first
  end
end

-- Of all shards the next room in order, or nil.
local function next_room(heap)
  local list = heap[1]
  if not list then
    return nil
  end
  local room = list.head
  list.pass()
  if not list.head then
    heap[1] = heap[#heap]
    heap[#heap] = nil
  end
  sift(heap, 1)
  return room
end

local function are_of_shards(keys, what)
  for _, key in ipairs(keys) do
    if not string.find(key, '^.+:{%d+}:' .. what .. '$') then
      return false
    end
  end
  return #keys >= 1 and #keys <= MOST_SHARDS
end

local function is_namespace(name)
  return #name <= 64 and not string.find(name, '[^A-Za-z0-9_%-]')
end

-- A page of the list of rooms, over all shards of an address. It looks at so many rooms at most, so a page may hold less
-- than asked for and yet not be the last.
local function tg_rooms(keys, args)
  local namespace, limit, count = args[1] or '', int(args[2], 1, MOST_LISTED), int(args[3], 0, 1000000000)
  local name = args[4]
  if not are_of_shards(keys, 'rooms') or #args ~= 4 or not is_namespace(namespace) or not limit or not count
    or (name ~= '' and not is_room(name)) then
    return bad('tg_rooms takes the lists of rooms of 1 to 1024 shards, namespace, limit, and the count and name to go on after')
  end
  local heap = {}
  for _, key in ipairs(keys) do
    local list = list_of(key, name == '' and 0 or rank_after(key, { count = count, name = name }))
    if list.head then
      heap[#heap + 1] = list
    end
  end
  for i = math.floor(#heap / 2), 1, -1 do
    sift(heap, i)
  end
  local rooms, found, last = {}, 0, nil
  for _ = 1, MOST_LOOKED_AT do
    local room = found < limit and next_room(heap)
    if not room then
      break
    end
    last = room
    if namespace == '' or namespace_of(room.name) == namespace then
      found = found + 1
      local fields = redis.call('HMGET', room.key, 'title', 'access', 'owner', 'created_ms')
      for _, part in ipairs({
        room.name, text(room.count), '8',
        'title', field_value(fields[1]) or '', 'access', field_value(fields[2]) or '',
        'owner', field_value(fields[3]) or '', 'created_ms', field_value(fields[4]) or '0',
      }) do
        rooms[#rooms + 1] = part
      end
    end
  end
  local answer = { 'end', '0', '', text(found) }
  if #heap > 0 then
    answer = { 'more', text(last.count), last.name, text(found) }
  end
  for _, part in ipairs(rooms) do
    answer[#answer + 1] = part
  end
  return answer
end

-- How many rooms a namespace has.
local function tg_count(keys, args)
  if not are_of_shards(keys, 'ns') or #args ~= 1 or args[1] == '' or not is_namespace(args[1]) then
    return bad('tg_count takes the counts of 1 to 1024 shards, and a namespace')
  end
  local count = 0
  for _, key in ipairs(keys) do
    count = count + (tonumber(redis.call('HGET', key, args[1]) or '') or 0)
  end
  return { 'count', text(count) }
end

-- tg_read ------------------------------------------------------------------------------------------------------------

-- A stream's entries one by one, fetched by the chunk, so that a page costs what it holds and not what is kept.
local function walk(key, from, backwards, most)
  local walker, chunk, at, more = {}, {}, 1, true
  local count = math.min(CHUNK, most + 1)
  function walker.head()
    if at > #chunk and more then
      if backwards then
        chunk = redis.call('XREVRANGE', key, from, '-', 'COUNT', count)
      else
        chunk = redis.call('XRANGE', key, from, '+', 'COUNT', count)
      end
      at = 1
      more = #chunk == count
      if #chunk > 0 then
        from = '(' .. chunk[#chunk][1]
      end
    end
    return chunk[at]
  end
  function walker.pass()
    at = at + 1
  end
  return walker
end

-- Of two walkers the one whose next entry comes first, going forwards or backwards.
local function nearer(one, other, backwards)
  local a, b = one.head(), other.head()
  if not a or not b then
    return a and one or b and other or nil
  end
  local above = is_above(parse_id(a[1]), parse_id(b[1]))
  return above == backwards and one or other
end

-- Whether a room stream lacks something above `after`: its first entry names a predecessor that the reader has not
-- seen; or there is none, but the room remembers one.
local function has_hole(walker, last, after)
  local first = walker.head()
  if first then
    return is_above(stored_id(entry_field(first[2], 'rp')), after)
  end
  return is_above(last, after)
end

local function size_of(entry)
  local bytes = #entry[1] + 16
  for _, part in ipairs(entry[2]) do
    bytes = bytes + #part + 8
  end
  return bytes
end

-- The entry as it is answered: without its data when it was hidden.
local function shown(room, origin, entry)
  if not room.has_hidden or redis.call('HEXISTS', room.key .. ':hidden', origin .. '-' .. entry[1]) == 0 then
    return entry
  end
  local fields = {}
  for i = 1, #entry[2], 2 do
    fields[i] = entry[2][i]
    fields[i + 1] = entry[2][i] == 'data' and '' or entry[2][i + 1]
  end
  fields[#fields + 1] = 'hidden'
  fields[#fields + 1] = '1'
  return { entry[1], fields }
end

-- What one origin has: verdict, whether a bound cut the page short, and the entries in order of id.
local function page(room, origin, after, limit, bytes)
  local backwards = after == nil
  local from = backwards and '+' or '(' .. after.text
  local keep = walk(room.key .. ':keep:' .. origin, from, backwards, limit)
  local chat = walk(room.key .. ':chat:' .. origin, from, backwards, limit)
  local verdict = 'whole'
  if after then
    local lasts = redis.call('HMGET', room.key, 'last:keep:' .. origin, 'last:chat:' .. origin)
    local floor = stored_id(redis.call('GET', room.base .. ':floor:' .. origin))
    if is_above(floor, after) or has_hole(keep, stored_id(lasts[1]), after) or room.forgotten(after) then
      return 'reset', false, {}
    end
    if has_hole(chat, stored_id(lasts[2]), after) then
      verdict = 'chat_gap'
    end
  end
  local entries, used, cut = {}, 0, false
  local from_stream = nearer(keep, chat, backwards)
  while from_stream do
    local entry = shown(room, origin, from_stream.head())
    used = used + size_of(entry)
    -- One entry always fits, else a reader would never get on.
    if #entries == limit or (used > bytes and #entries > 0) then
      cut = not backwards
      break
    end
    entries[#entries + 1] = entry
    from_stream.pass()
    from_stream = nearer(keep, chat, backwards)
  end
  if backwards then
    local count = #entries
    for i = 1, math.floor(count / 2) do
      entries[i], entries[count + 1 - i] = entries[count + 1 - i], entries[i]
    end
  end
  return verdict, cut, entries
end

-- Origins and positions from an argument on; nil when they are malformed.
local function read_positions(args, at)
  local list = {}
  if (#args - at + 1) % 2 ~= 0 or #args < at + 1 or (#args - at + 1) / 2 > MOST_ORIGINS then
    return nil
  end
  for i = at, #args, 2 do
    local after = nil
    if args[i + 1] ~= '-' then
      after = parse_id(args[i + 1])
      if not after then
        return nil
      end
    end
    if not is_region(args[i]) then
      return nil
    end
    list[#list + 1] = { name = args[i], after = after }
  end
  return list
end

local function tg_read(keys, args)
  local room = #keys == 1 and place_of_room(keys[1])
  local limit = int(args[1], 1, MOST_ENTRIES)
  local bytes = int(args[2], 1, MOST_BYTES)
  local origins = read_positions(args, 3)
  if not room or not limit or not bytes or not origins then
    return bad('tg_read takes the key of a room, limit, bytes, and 1 to 16 pairs of origin and id')
  end
  if not is_reserved(room.name) and redis.call('HEXISTS', room.key, 'state') == 0 then
    return refused('no_room')
  end
  room.has_hidden = redis.call('EXISTS', room.key .. ':hidden') == 1
  -- A subject's own room forgets its last ids after a week without an entry; who comes back later may have missed some.
  local week_ago_ms = redis_ms() - WEEK_MS
  local forgets = string.sub(room.name, 1, 1) == '~' and redis.call('EXISTS', room.key) == 0
  room.forgotten = function(after)
    return forgets and after.ms > 0 and after.ms < week_ago_ms
  end
  local answer = {}
  for i, origin in ipairs(origins) do
    -- An even share of what is left, so that no origin starves another.
    local verdict, cut, entries = page(room, origin.name, origin.after, limit, bytes / (#origins + 1 - i))
    answer[#answer + 1] = origin.name
    answer[#answer + 1] = last_id(room.base .. ':log:' .. origin.name).text
    answer[#answer + 1] = verdict
    answer[#answer + 1] = cut and 'more' or 'end'
    answer[#answer + 1] = text(#entries)
    for _, entry in ipairs(entries) do
      bytes = math.max(0, bytes - size_of(entry))
      answer[#answer + 1] = entry[1]
      answer[#answer + 1] = text(#entry[2])
      for _, part in ipairs(entry[2]) do
        answer[#answer + 1] = part
      end
    end
  end
  return answer
end

-- tg_presence, tg_flush ----------------------------------------------------------------------------------------------

-- Drops what has lapsed and sets the room's place in the list of rooms.
local function resum(shard, name)
  local key = shard.base .. ':room:' .. name .. ':online'
  local sum, lapsed = online(key, shard.now_ms)
  for _, field in ipairs(lapsed) do
    redis.call('HDEL', key, field)
  end
  redis.call('ZADD', shard.base .. ':rooms', 'XX', sum, name)
end

-- Each room once, in the order given; nil when a pair is malformed.
local function read_counts(args, at)
  local rooms, index = {}, {}
  for i = at, #args, 2 do
    local count = int(args[i + 1], 0, 1000000000)
    if not count or not is_room(args[i]) then
      return nil
    end
    if index[args[i]] then
      rooms[index[args[i]]].count = count
    else
      rooms[#rooms + 1] = { name = args[i], count = count }
      index[args[i]] = #rooms
    end
  end
  return rooms
end

local function tg_presence(keys, args)
  if #keys ~= 3 or #args < 4 or #args % 2 ~= 0 or #args > 4 + 2 * MOST_PRESENCE then
    return bad('tg_presence takes 3 keys, 4 arguments and at most 500 pairs of room and count')
  end
  local region, node = args[1], args[2]
  local bounds = bounds_at({ '1', '1', args[3], args[4] }, 1)
  local rooms = read_counts(args, 5)
  if not bounds or not is_node(node) or not rooms then
    return bad('the node, a bound or a count is malformed')
  end
  local shard, why = open_shard(keys[2], keys[3], region, bounds)
  if not shard or keys[1] ~= shard.base .. ':rooms' then
    return bad(why or 'the key of the rooms does not fit')
  end
  if is_recovering(shard) then
    return refused('recovering', 1)
  end
  local ends, json = text(shard.now_ms + ONLINE_MS), {}
  for _, room in ipairs(rooms) do
    local key = shard.base .. ':room:' .. room.name
    -- Counts of rooms that are not there, or not any more, would have nobody who removes them.
    if field_value(redis.call('HGET', key, 'state')) == 'open' then
      redis.call('HSET', key .. ':online', region .. '/' .. node, text(room.count) .. ' ' .. ends)
      redis.call('PEXPIRE', key .. ':online', ONLINE_KEY_MS)
      resum(shard, room.name)
      json[#json + 1] = '"' .. room.name .. '":' .. text(room.count)
    end
  end
  -- A node that died cannot say that its viewers have left, so each call looks after a few rooms of others.
  if redis.call('ZCOUNT', keys[1], '(0', '+inf') > 0 then
    for _, name in ipairs(redis.call('ZRANDMEMBER', keys[1], MOST_RESUMMED)) do
      resum(shard, name)
    end
  end
  if #json == 0 then
    return { '-' }
  end
  local id = next_id(shard)
  append(shard, id, { room = '', kind = 'presence', sub = node, data = '{' .. table.concat(json, ',') .. '}' })
  return { id.text }
end

local function tg_flush(keys, args)
  if #keys ~= 3 or #args ~= 3 then
    return bad('tg_flush takes 3 keys and 3 arguments')
  end
  local bounds = bounds_at({ '1', '1', args[2], args[3] }, 1)
  if not bounds then
    return bad(BAD_BOUNDS)
  end
  local shard, why = open_shard(keys[2], keys[3], args[1], bounds)
  if not shard or keys[1] ~= shard.base .. ':likes' then
    return bad(why or 'the key of the likes does not fit')
  end
  if is_recovering(shard) then
    return refused('recovering', 1)
  end
  local appended = 0
  -- A random choice: with more rooms than that, none is passed over for long.
  local rows = redis.call('HRANDFIELD', keys[1], MOST_FLUSHED, 'WITHVALUES')
  for i = 1, #rows, 2 do
    local name = rows[i]
    local told, at_ms = appended_likes(rows[i + 1])
    local total = redis.call('GET', shard.base .. ':room:' .. name .. ':likes:' .. shard.region)
    if likes_due(shard, at_ms) then
      if total and total ~= told then
        append_likes(shard, name, total)
        appended = appended + 1
      else
        redis.call('HDEL', keys[1], name)
      end
    end
  end
  return appended
end

-- tg_limit -----------------------------------------------------------------------------------------------------------

-- GCRA: what is stored is when the bucket would be full again (the theoretical arrival time), in us.
local function tg_limit(keys, args)
  if #keys < 1 or #keys > MOST_POLICIES or #args ~= 3 * #keys then
    return bad('tg_limit takes 1 to 16 keys and 3 arguments for each')
  end
  local now_us, all, policies, named = redis_us(), true, {}, {}
  for i, key in ipairs(keys) do
    local emission_us = int(args[3 * i - 2], 1, 1000000000000)
    local burst = int(args[3 * i - 1], 1, 1000000000)
    local cost = int(args[3 * i], 0, 1000000000)
    -- A month, so that every sum below stays exact in a double.
    if not emission_us or not burst or not cost or emission_us * burst > 2678400000000 then
      return bad('emission_us, burst or cost is out of range')
    elseif cost > burst then
      return bad('the cost is above the burst, it would never be allowed')
    elseif named[key] then
      return bad('a key comes twice')
    end
    named[key] = true
    local full_us = emission_us * burst
    local stored_us = tonumber(redis.call('GET', key) or '') or 0
    -- Never more than empty: after the clock was set back, nobody waits for it to catch up.
    local tat_us = math.min(math.max(stored_us, now_us), now_us + full_us)
    local next_us = tat_us + emission_us * cost
    local wait_us = next_us - full_us - now_us
    policies[i] = { key = key, emission_us = emission_us, full_us = full_us, tat_us = tat_us, next_us = next_us, wait_us = wait_us, cost = cost }
    all = all and wait_us <= 0
  end
  local answer = { all and 1 or 0 }
  for _, policy in ipairs(policies) do
    local allowed = policy.wait_us <= 0
    local tat_us = all and policy.next_us or policy.tat_us
    if all and policy.cost > 0 then
      redis.call('SET', policy.key, text(tat_us), 'PX', text(math.ceil((tat_us - now_us) / 1000) + 1))
    end
    for _, number in ipairs({
      allowed and 1 or 0,
      math.floor((policy.full_us - (tat_us - now_us)) / policy.emission_us),
      math.ceil((tat_us - now_us) / 1000),
      allowed and 0 or math.ceil(policy.wait_us / 1000),
    }) do
      answer[#answer + 1] = number
    end
  end
  return answer
end

-- State from elsewhere ------------------------------------------------------------------------------------------------

-- A stamp as it stands in an entry's `data`, or nil.
local function parse_stamp(value)
  local ms, region = string.match(type(value) == 'string' and value or '', '^(%d+)%.([a-z0-9%-]+)$')
  if not ms or #ms > 15 or not is_region(region) then
    return nil
  end
  return { ms = tonumber(ms), region = region }
end

-- Whether one stamp wins over another: the greater ms, then the greater name.
local function is_later(one, other)
  if one.ms ~= other.ms then
    return one.ms > other.ms
  end
  return is_lower(other.region, one.region)
end

local function same_stamp(one, other)
  return one.ms == other.ms and one.region == other.region
end

-- What a call that brings another region's state knows and counts.
local function visit(own, origin, base, prefix, bounds)
  return {
    own = own, origin = origin, base = base, prefix = prefix, bounds = bounds, retention_ms = bounds.retention_ms,
    now_ms = redis_ms(), regions = regions_of(prefix, own), rooms = {}, ahead = 0, unread = 0, changed = 0, told = 0,
  }
end

-- A stamp far ahead of the clock is obeyed all the same, since every region must come to the same; but it is counted.
local function note_stamp(here, stamp)
  if stamp.ms > here.now_ms + AHEAD_MS then
    here.ahead = here.ahead + 1
  end
end

-- This region's own shard, to append to; nil while it waits for what it lost.
local function own_shard(here)
  if not here.shard then
    local shard, why = open_shard(here.base .. ':log:' .. here.own, here.base .. ':run', here.own, here.bounds)
    if not shard then
      error(why)
    end
    here.shard = shard
  end
  return not is_recovering(here.shard) and here.shard or nil
end

-- What a room becomes when fields from elsewhere are set against its own. Of two creations, made while regions were
-- apart, the earlier one holds for all fields that either set; whatever was changed later has a later stamp and stays.
local function plan_fields(here, room, incoming)
  local rows, current = redis.call('HGETALL', room.key), {}
  for i = 1, #rows, 2 do
    current[rows[i]] = stamped(rows[i + 1])
  end
  local plan = { set = {}, drop = {}, lost = nil, reborn = false }
  local state, theirs = current.state, incoming.created_ms
  if state and state.value ~= 'open' and theirs and theirs.ms > state.ms + WEEK_MS - LEEWAY_MS then
    -- The tombstone was gone where the id was used again; here it is about to go.
    plan.reborn, current = true, {}
  end
  local mine = current.created_ms
  local passed
  if mine and theirs and not same_stamp(mine, theirs) then
    if is_later(theirs, mine) then
      passed = theirs
    else
      plan.lost = mine
      for name, field in pairs(current) do
        if same_stamp(field, mine) then
          plan.drop[name], current[name] = true, nil
        end
      end
    end
  end
  for name, field in pairs(incoming) do
    note_stamp(here, field)
    if not (passed and same_stamp(field, passed)) and (not current[name] or is_later(field, current[name])) then
      plan.set[name], plan.drop[name], current[name] = field, nil, field
    end
  end
  plan.state = current.state
  -- A closing that every region has forgotten by now is not brought back.
  if plan.state and plan.state.value ~= 'open' and not state and plan.state.ms + WEEK_MS <= here.now_ms then
    plan.set = {}
  end
  return plan
end

-- Tells this region that another one's creation of a room holds.
local function tell_lost(here, shard, room, plan)
  local json = {}
  for name, field in pairs(plan.set) do
    json[#json + 1] = cjson.encode(name) .. ':' .. cjson.encode(field.value)
  end
  table.sort(json)
  local stamp = text(plan.set.created_ms.ms) .. '.' .. plan.set.created_ms.region
  local data = '{"stamp":"' .. stamp .. '","fields":{' .. table.concat(json, ',') .. '},"lost":"' .. text(plan.lost.ms)
    .. '.' .. plan.lost.region .. '"}'
  local stream = stream_of(room, 'keep', here.own, here.bounds.keep, nil)
  local fields = redis.call('HMGET', room.key, stream.field, 'history_keep')
  stream.last = stored_id(fields[1])
  keep_own(stream, fields[2])
  append(shard, next_id(shard, stream.last), { room = room.name, kind = 'state', lane = 'control', sub = '', data = data }, room, stream)
  here.told = here.told + 1
end

-- How much a room keeps of the origin's entries.
local function measure(here, room)
  local fields = redis.call('HMGET', room.key, 'history_chat', 'history_keep')
  for i, what in ipairs({ 'chat', 'keep' }) do
    local stream = room.streams[what]
    stream.most, stream.trim = here.bounds[what], '~'
    keep_own(stream, fields[i])
  end
end

-- Sets fields from elsewhere; false when it must wait, and then nothing was written.
local function take_fields(here, room, incoming)
  if is_reserved(room.name) or next(incoming) == nil then
    return true
  end
  local plan = plan_fields(here, room, incoming)
  local tells = plan.lost and plan.lost.region == here.own and here.origin ~= here.own
  local shard = tells and own_shard(here)
  if tells and not shard then
    return false
  end
  if plan.reborn then
    redis.call('DEL', room.key)
  end
  local pairs_of, gone = {}, {}
  for name, field in pairs(plan.set) do
    pairs_of[#pairs_of + 1] = name
    pairs_of[#pairs_of + 1] = text(field.ms) .. '.' .. field.region .. ' ' .. field.value
  end
  for name in pairs(plan.drop) do
    gone[#gone + 1] = name
  end
  if #gone > 0 then
    redis.call('HDEL', room.key, unpack(gone))
  end
  if #pairs_of > 0 then
    redis.call('HSET', room.key, unpack(pairs_of))
    here.changed = here.changed + 1
    if plan.state and plan.state.value == 'open' then
      enlist(here, room.name)
    elseif plan.state and plan.set.state then
      bury(here, room, plan.state.ms)
    end
  end
  if shard then
    tell_lost(here, shard, room, plan)
  end
  if room.streams then
    measure(here, room)
  end
  return true
end

-- Sets a ban or a mute from elsewhere. One that nobody has to be told of any more is not brought back.
local function take_sanction(here, key, user, stamp, ends)
  note_stamp(here, stamp)
  local current = stamped(redis.call('HGET', key, user))
  local over_ms = ends == 0 and stamp.ms or ends
  if (current and not is_later(stamp, current)) or over_ms < here.now_ms - WEEK_MS then
    return
  end
  drop_old_bans(key, here.now_ms)
  redis.call('HSET', key, user, text(stamp.ms) .. '.' .. stamp.region .. ' ' .. text(ends))
  here.changed = here.changed + 1
end

local function is_message_id(value)
  local origin = type(value) == 'string' and #value <= 64 and string.match(value, '^([a-z0-9%-]+)%-%d+%-%d+$')
  return origin and is_region(origin) or false
end

local function take_hidden(here, room, message, stamp)
  note_stamp(here, stamp)
  local key = room.key .. ':hidden'
  local current = redis.call('HGET', key, message)
  if current and not is_later(stamp, parse_stamp(current) or { ms = 0, region = '' }) then
    return
  end
  drop_old_hidden(here, room, key)
  redis.call('HSET', key, message, text(stamp.ms) .. '.' .. stamp.region)
  if string.sub(room.name, 1, 1) == '~' then
    redis.call('PEXPIRE', key, WEEK_MS)
  end
  here.changed = here.changed + 1
end

-- Totals only rise, so the greater one is the later one.
local function take_likes(here, room, origin, total)
  local key = room.key .. ':likes:' .. origin
  if total > (tonumber(redis.call('GET', key) or '') or 0) then
    redis.call('SET', key, text(total))
    here.changed = here.changed + 1
  end
end

-- A node's count of viewers, which lapses by the clock here.
local function take_online(here, room, node, count, ends_ms)
  ends_ms = math.min(ends_ms, here.now_ms + ONLINE_MS)
  if ends_ms > here.now_ms then
    redis.call('HSET', room.key .. ':online', node, text(count) .. ' ' .. text(ends_ms))
    redis.call('PEXPIRE', room.key .. ':online', ONLINE_KEY_MS)
    here.changed = here.changed + 1
    return true
  end
  return false
end

local function place_in(here, name)
  return { name = name, key = here.base .. ':room:' .. name }
end

local function is_open(room)
  return field_value(redis.call('HGET', room.key, 'state')) == 'open'
end

-- Fields of a room as an entry or another region's hash gives them; nil when one is none. Unknown ones are kept.
local function is_field(name, value)
  return type(name) == 'string' and #name <= 32 and string.find(name, '^[a-z][a-z0-9_]*$') ~= nil
    and type(value) == 'string' and #value <= 1024
end

local function said_sanction(here, room, what, said)
  local stamp, ends = parse_stamp(said.stamp), said.until_ms
  if not stamp or type(said.user) ~= 'string' or not is_banned_name(room.name, said.user)
    or type(ends) ~= 'number' or not (ends >= 0 and ends <= FOREVER_MS) then
    return nil
  end
  take_sanction(here, room.key .. what, said.user, stamp, math.floor(ends))
  return true
end

-- What an entry of a kind that only functions write does to the state here. `false`: it must wait. `nil`: it is not read.
local TAKES = {
  state = function(here, room, said)
    local stamp = parse_stamp(said.stamp)
    if not stamp or type(said.fields) ~= 'table' then
      return nil
    end
    local incoming, count = {}, 0
    for name, value in pairs(said.fields) do
      count = count + 1
      if count > MOST_ROOM_FIELDS or not is_field(name, value) then
        return nil
      end
      incoming[name] = { ms = stamp.ms, region = stamp.region, value = value }
    end
    return take_fields(here, room, incoming)
  end,
  hide = function(here, room, said)
    local stamp = parse_stamp(said.stamp)
    if not stamp or not is_message_id(said.id) then
      return nil
    end
    take_hidden(here, room, said.id, stamp)
    return true
  end,
  ban = function(here, room, said) return said_sanction(here, room, ':bans', said) end,
  mute = function(here, room, said) return said_sanction(here, room, ':mutes', said) end,
  kick = function() return true end,
  disconnect = function() return true end,
}

local function take_presence(here, sub, at_ms, said)
  if not is_node(sub) then
    return nil
  end
  local ends_ms, count = at_ms + ONLINE_MS + LEEWAY_ONLINE_MS, 0
  if ends_ms <= here.now_ms then
    return true
  end
  for name, viewers in pairs(said) do
    count = count + 1
    if count > MOST_PRESENCE or type(name) ~= 'string' or not is_room(name) or type(viewers) ~= 'number'
      or not (viewers >= 0 and viewers <= 1000000000) then
      return nil
    end
    local room = place_in(here, name)
    if is_open(room) and take_online(here, room, here.origin .. '/' .. sub, math.floor(viewers), ends_ms) then
      resum(here, name)
    end
  end
  return true
end

-- tg_relay -----------------------------------------------------------------------------------------------------------

-- Fields come in one order, so a value's place is tried before it is looked for.
local VALUE_AT = { room = 3, kind = 5, lane = 7, sub = 9, data = 13, at_ms = 15, hash = 19, sp = 23 }

local function relayed(args, entry, name)
  local at = entry.at + VALUE_AT[name]
  if at < entry.at + entry.count and args[at - 1] == name then
    return args[at]
  end
  for i = entry.at, entry.at + entry.count - 1, 2 do
    if args[i] == name then
      return args[i + 1]
    end
  end
  return nil
end

-- The entries that begin at an argument; nil when one is malformed.
local function read_relayed(args, at)
  local entries = {}
  while at <= #args do
    local id, once, count = parse_id(args[at]), args[at + 1], int(args[at + 2], 2, MOST_STRINGS)
    if not id or not count or count % 2 ~= 0 or at + 2 + count > #args or #entries == MOST_RELAYED
      or (once ~= '' and not string.find(once, '^[0-9a-f]+$')) then
      return nil
    end
    entries[#entries + 1] = { id = id, once = once, at = at + 3, count = count }
    at = at + 3 + count
  end
  return entries
end

-- What the call needs of a room, read once.
local function visited(here, name)
  local room = here.rooms[name]
  if not room then
    room = place_in(here, name)
    room.streams = {}
    for _, what in ipairs({ 'chat', 'keep' }) do
      room.streams[what] = stream_of(room, what, here.origin, here.bounds[what], nil)
    end
    measure(here, room)
    here.rooms[name] = room
  end
  return room
end

-- Does what the entry says; `false` when it must wait.
local function take_entry(here, args, entry, kind, room)
  local at_ms = int(relayed(args, entry, 'at_ms'), 0, 1e15) or 0
  local done = true
  if kind == 'likes' then
    local total = int(relayed(args, entry, 'data'), 0, 1e15)
    if room and total and is_open(room) then
      take_likes(here, room, here.origin, total)
    end
    done = room and total and true or nil
  elseif kind == 'presence' or (room and TAKES[kind]) then
    local good, said = pcall(cjson.decode, relayed(args, entry, 'data') or '')
    if not good or type(said) ~= 'table' then
      done = nil
    elseif kind == 'presence' then
      done = take_presence(here, relayed(args, entry, 'sub') or '', at_ms, said)
    else
      done = TAKES[kind](here, room, said)
    end
  elseif kind == 'gap' then
    redis.call('SET', here.base .. ':floor:' .. here.origin, entry.id.text)
  end
  if done == nil then
    here.unread = here.unread + 1
    return true
  end
  return done
end

-- The first answer to an idempotency key, for whoever repeats the call here: for what is left of its time.
local function keep_once(here, args, entry)
  local at_ms, hash = int(relayed(args, entry, 'at_ms'), 0, 1e15), relayed(args, entry, 'hash') or ''
  local left_ms = at_ms and math.min(at_ms + ONCE_MS - here.now_ms, ONCE_MS) or 0
  if left_ms <= 0 or #hash ~= 32 or string.find(hash, '[^0-9a-f]') then
    return
  end
  if not here.others then
    here.others = {}
    for _, region in ipairs(here.regions) do
      if region.name ~= here.origin and region.state ~= 'retired' then
        local last = last_id(here.base .. ':log:' .. region.name).text
        here.others[#here.others + 1] = ' ' .. region.name .. ' ' .. last
      end
    end
    here.others = table.concat(here.others)
  end
  local name = here.origin == here.own and entry.id.text or here.origin .. '-' .. entry.id.text
  local first = name .. ' ' .. hash .. ' ' .. here.origin .. ' ' .. entry.id.text .. here.others
  redis.call('SET', here.base .. ':once:' .. entry.once, first, 'PX', text(left_ms), 'NX')
end

-- Copies an entry into the log, and into its room's stream.
local function copy_entry(here, args, entry, room, stream)
  local first, last = entry.at, entry.at + entry.count - 1
  if stream then
    -- A room's stream may be ahead of a log that somebody removed; the log goes on all the same.
    local answer = redis.pcall('XADD', stream.key, 'MAXLEN', stream.trim, stream.most, entry.id.text, unpack(args, first, last))
    if type(answer) == 'table' then
      here.unread = here.unread + 1
    else
      stream.reached = entry.id.text
      here.touched[room] = true
    end
  end
  redis.call('XADD', here.log_key, entry.id.text, unpack(args, first, last))
end

-- What is done once for all entries of a call.
local function finish_copy(here)
  for room in pairs(here.touched) do
    for _, stream in pairs(room.streams) do
      if stream.reached then
        redis.call('HSET', room.key, stream.field, stream.reached)
        redis.call('PEXPIRE', stream.key, here.retention_ms)
        stream.reached = nil
      end
    end
    if string.sub(room.name, 1, 1) == '~' then
      redis.call('PEXPIRE', room.key, WEEK_MS)
    end
  end
  if here.appended > 0 then
    redis.call('XTRIM', here.log_key, 'MINID', '~', text(math.max(0, here.last.ms - here.retention_ms)))
    redis.call('XTRIM', here.log_key, 'MAXLEN', '~', here.bounds.log)
    if here.origin == here.own then
      redis.call('HSET', here.base .. ':run', 'last', here.last.text)
    end
  end
end

-- Region, origin and bounds, and a log's key that fits them; nil and why not.
local function visit_log(keys, args, at)
  local own, origin, bounds = args[1], args[2], bounds_at(args, at)
  if #keys ~= 1 or not bounds or not is_region(own) or not is_region(origin) then
    return nil, 'the region, the origin or a bound is malformed'
  end
  local base, prefix = string.match(keys[1], '^((.+):{%d+}):log:[a-z0-9%-]+$')
  if not base or keys[1] ~= base .. ':log:' .. origin then
    return nil, 'the key of the log does not fit the origin'
  end
  local here = visit(own, origin, base, prefix, bounds)
  here.log_key, here.appended, here.touched = keys[1], 0, {}
  return here
end

-- Whether somebody else has taken the work over since.
local function is_fenced(here, fence)
  return fence > 0 and (tonumber(redis.call('HGET', here.base .. ':relay:' .. here.origin, 'fence') or '') or 0) > fence
end

local function tg_relay(keys, args)
  local fence = int(args[3], 0, 1e15)
  local here, why = visit_log(keys, args, 4)
  local entries = here and read_relayed(args, 8)
  if not here or not fence or not entries then
    return bad(why or 'tg_relay takes region, origin, fence, 4 bounds, and at most 32 entries')
  end
  local last, verdict = last_id(here.log_key), 'taken'
  local repeats, rewound = 0, 0
  if is_fenced(here, fence) then
    verdict, entries = 'fenced', {}
  end
  for _, entry in ipairs(entries) do
    if not is_above(entry.id, last) then
      repeats = repeats + 1
    else
      local sp = relayed(args, entry, 'sp')
      if sp ~= last.text then
        -- One without a predecessor was written by somebody else; the place where it stands is all that is known of it.
        local previous = parse_id(sp)
        if previous and is_above(previous, last) then
          verdict = 'hole'
          break
        end
        rewound = rewound + (previous and 1 or 0)
      end
      local name, kind = relayed(args, entry, 'room') or '', relayed(args, entry, 'kind')
      local room = here.rooms[name] or (is_room(name) and visited(here, name)) or nil
      if (TAKES[kind] or not LANES[kind]) and not take_entry(here, args, entry, kind, room) then
        verdict = 'wait'
        break
      end
      local lane = relayed(args, entry, 'lane')
      copy_entry(here, args, entry, room, room and lane and STREAMS[lane] and room.streams[STREAMS[lane]])
      if room and entry.once ~= '' then
        keep_once(here, args, entry)
      end
      last, here.last, here.appended = entry.id, entry.id, here.appended + 1
    end
  end
  finish_copy(here)
  return {
    verdict, last.text, text(here.appended), text(repeats), text(rewound), text(here.ahead), text(here.unread), text(here.told),
  }
end

-- tg_gap, tg_lease ---------------------------------------------------------------------------------------------------

-- What lies between the copy's end and an id is gone where it came from: readers below it are told `reset`.
local function tg_gap(keys, args)
  local fence, expected, id = int(args[3], 0, 1e15), parse_id(args[8]), parse_id(args[9])
  local here, why = visit_log(keys, args, 4)
  if not here or not fence or not expected or not id or #args ~= 9 then
    return bad(why or 'tg_gap takes region, origin, fence, 4 bounds, the copy\'s last id and the id to go on from')
  end
  local last = last_id(here.log_key)
  if is_fenced(here, fence) then
    return { 'fenced', last.text }
  elseif last.text ~= expected.text or not is_above(id, last) then
    return { 'hole', last.text }
  end
  redis.call('SET', here.base .. ':floor:' .. here.origin, id.text)
  redis.call('XADD', here.log_key, id.text, 'v', '1', 'room', '', 'kind', 'gap', 'lane', '', 'sub', '', 'info', '', 'data', '',
    'at_ms', text(here.now_ms), 'key', '', 'hash', '', 'trace', '', 'sp', last.text, 'rp', '0-0')
  return { 'taken', id.text }
end

-- Who does the work for an origin's shard. It only saves work: two that both do it do no harm. `take` has it at once,
-- `wait` when it has lapsed, `keep` prolongs it, `free` gives it back.
local function tg_lease(keys, args)
  local holder, verb = args[1], args[2]
  local lasting_ms, fence = int(args[3], 1, MOST_LEASE_MS), int(args[4], 0, 1e15)
  if #keys ~= 1 or #args ~= 4 or not string.find(keys[1], ':{%d+}:relay:[a-z0-9%-]+$') or not is_node(holder)
    or not lasting_ms or not fence or not (verb == 'take' or verb == 'wait' or verb == 'keep' or verb == 'free') then
    return bad('tg_lease takes the key of a lease, a holder, take, wait, keep or free, how long in ms, and a fence')
  end
  local lease = redis.call('HMGET', keys[1], 'holder', 'fence', 'until_ms')
  local now_ms, held = redis_ms(), tonumber(lease[2] or '') or 0
  local left_ms = (tonumber(lease[3] or '') or 0) - now_ms
  local is_mine = lease[1] == holder and held == fence
  if verb == 'free' then
    if is_mine then
      redis.call('HSET', keys[1], 'until_ms', '0')
    end
    return { 'other', text(held), '0' }
  end
  if verb == 'keep' and is_mine then
    redis.call('HSET', keys[1], 'until_ms', text(now_ms + lasting_ms))
    return { 'held', text(held), text(lasting_ms) }
  end
  -- One that lasts longer than any may was written before the clock was set back.
  local has_lapsed = left_ms <= 0 or left_ms > MOST_LEASE_MS
  if verb == 'take' or (verb == 'wait' and has_lapsed) then
    redis.call('HSET', keys[1], 'holder', holder, 'fence', text(held + 1), 'until_ms', text(now_ms + lasting_ms))
    return { 'held', text(held + 1), text(lasting_ms) }
  end
  return { 'other', text(held), text(math.max(0, left_ms)) }
end

-- tg_merge -----------------------------------------------------------------------------------------------------------

local function lying_sanction(here, room, what, user, value)
  local field = stamped(value)
  local ends = field and #field.value <= 15 and tonumber(string.match(field.value, '^%d+$') or '')
  if not ends or not is_banned_name(room.name, user) then
    return nil
  end
  take_sanction(here, room.key .. what, user, field, ends)
  return true
end

-- What each part of a room says, a name and its value as they lie in the other region's Redis. `nil`: it is not read.
local MERGES = {
  bans = function(here, room, user, value) return lying_sanction(here, room, ':bans', user, value) end,
  mutes = function(here, room, user, value) return lying_sanction(here, room, ':mutes', user, value) end,
  hidden = function(here, room, message, value)
    local stamp = parse_stamp(value)
    if not stamp or not is_message_id(message) then
      return nil
    end
    take_hidden(here, room, message, stamp)
    return true
  end,
  likes = function(here, room, origin, value)
    local total = int(value, 0, 1e15)
    if not total or not is_region(origin) then
      return nil
    end
    take_likes(here, room, origin, total)
    return true
  end,
  online = function(here, room, node, value)
    local region, name = string.match(node, '^([a-z0-9%-]+)/([a-z0-9%-]+)$')
    local count, ends = string.match(value, '^(%d+) (%d+)$')
    if not region or not is_region(region) or not is_node(name) or not int(count, 0, 1000000000) or not int(ends, 0, 1e15) then
      return nil
    end
    -- Of its own nodes each region knows better.
    if region ~= here.own then
      take_online(here, room, node, tonumber(count), tonumber(ends))
    end
    return true
  end,
}

-- The parts that begin at an argument, each a name, a count and so many pairs; nil when they are malformed.
local function read_parts(args, at)
  local parts = {}
  while at <= #args do
    local count = int(args[at + 1], 0, MOST_MERGED)
    if not (args[at] == 'room' or MERGES[args[at]]) or not count or at + 1 + 2 * count > #args then
      return nil
    end
    parts[#parts + 1] = { name = args[at], first = at + 2, last = at + 1 + 2 * count }
    at = at + 2 + 2 * count
  end
  return parts
end

local function tg_merge(keys, args)
  local room, bounds, parts = #keys == 1 and place_of_room(keys[1]), bounds_at(args, 3), read_parts(args, 7)
  if not room or not bounds or not parts or not is_region(args[1]) or not is_region(args[2]) or #args > MOST_MERGE_ARGS then
    return bad('tg_merge takes the key of a room, region, origin, 4 bounds, and parts of at most 500 pairs')
  end
  local here = visit(args[1], args[2], room.base, room.prefix, bounds)
  for _, part in ipairs(parts) do
    if part.name == 'room' then
      local incoming = {}
      for i = part.first, part.last, 2 do
        local field = stamped(args[i + 1])
        if field and is_field(args[i], field.value) then
          incoming[args[i]] = field
        elseif not string.find(args[i], '^last:') then
          here.unread = here.unread + 1
        end
      end
      if not take_fields(here, room, incoming) then
        return { 'wait', '0', '0', '0', '0' }
      end
    elseif is_reserved(room.name) or is_open(room) then
      for i = part.first, part.last, 2 do
        if not MERGES[part.name](here, room, args[i], args[i + 1]) then
          here.unread = here.unread + 1
        end
      end
      if part.name == 'online' and not is_reserved(room.name) then
        resum(here, room.name)
      end
    end
  end
  return { 'taken', text(here.changed), text(here.ahead), text(here.unread), text(here.told) }
end

-- tg_region ----------------------------------------------------------------------------------------------------------

local STATE_RANK = { joining = 1, active = 2, retired = 3 }

-- What a line of `regions` says, or nil.
local function region_line(value)
  local good, line = pcall(cjson.decode, value or '')
  if not good or type(line) ~= 'table' or not STATE_RANK[line.state] or not parse_stamp(line.stamp) then
    return nil
  end
  return line
end

-- Sets a region's line: of two the later stamp holds, but a state only goes on, never back.
local function tg_region(keys, args)
  local theirs = #args == 2 and is_region(args[1]) and #args[2] <= MOST_REGION_BYTES and region_line(args[2])
  if #keys ~= 1 or not string.find(keys[1], '^.+:regions$') or not theirs then
    return bad('tg_region takes the key of the regions, a name, and its line with state and stamp')
  end
  local there = redis.call('HGET', keys[1], args[1])
  local mine = region_line(there)
  if not mine then
    redis.call('HSET', keys[1], args[1], args[2])
    return { 'changed', theirs.state }
  end
  local state = STATE_RANK[mine.state] > STATE_RANK[theirs.state] and mine.state or theirs.state
  local winner = is_later(parse_stamp(theirs.stamp), parse_stamp(mine.stamp)) and theirs or mine
  if winner == mine and state == mine.state then
    return { 'same', state }
  end
  winner.state = state
  redis.call('HSET', keys[1], args[1], cjson.encode(winner))
  return { 'changed', state }
end

-- tg_layout ----------------------------------------------------------------------------------------------------------

-- In one step, so that nobody reads half of it. What is there stays; a layout of another version stays as it is.
local function tg_layout(keys, args)
  local version, shards = int(args[1], 1, 1000), int(args[2], 1, MOST_SHARDS)
  if #keys ~= 1 or #args ~= 2 or not string.find(keys[1], '^.+:layout$') or not version or not shards then
    return bad('tg_layout takes the key of the layout, its version and a number of shards')
  end
  redis.call('HSETNX', keys[1], 'version', args[1])
  if redis.call('HGET', keys[1], 'version') == args[1] then
    redis.call('HSETNX', keys[1], 'shards', args[2])
  end
  return redis.call('HMGET', keys[1], 'version', 'shards')
end

-- tg_node ------------------------------------------------------------------------------------------------------------

-- What a line of `nodes` says, or nil.
local function node_line(value)
  local good, line = pcall(cjson.decode, value or '')
  if not good or type(line) ~= 'table' or type(line.until_ms) ~= 'number' then
    return nil
  end
  return line
end

-- Writes or takes away a node's line. Another process of its name keeps its own while it holds for `fresh_ms` at least.
local function tg_node(keys, args)
  local fresh_ms = int(args[4], 0, NODE_MOST_MS)
  local good = #keys == 1 and #args == 4 and string.find(keys[1], ':nodes:[a-z0-9-]+$') and is_node(args[1])
    and #args[3] <= MOST_NODE_BYTES and (args[3] == '' or node_line(args[3]))
  if not good or not fresh_ms then
    return bad('tg_node takes the key of the nodes, a name, a run, a line with until_ms or nothing, and how long is fresh in ms')
  end
  local there = node_line(redis.call('HGET', keys[1], args[1]))
  local left_ms = there and there.until_ms - redis_ms()
  if there and there.run ~= args[2] and left_ms >= fresh_ms and left_ms <= NODE_MOST_MS then
    return { 'taken', text(there.until_ms), type(there.url) == 'string' and there.url or '' }
  end
  if args[3] ~= '' then
    redis.call('HSET', keys[1], args[1], args[3])
  elseif there and there.run == args[2] then
    redis.call('HDEL', keys[1], args[1])
  end
  return { 'done' }
end

-- tg_version, tg_clock, tg_whole -------------------------------------------------------------------------------------

local function tg_version()
  return VERSION
end

local function tg_clock(keys)
  if #keys ~= 1 then
    return bad('tg_clock takes the key of the clock')
  end
  local now_ms = redis_ms()
  if now_ms > (tonumber(redis.call('GET', keys[1]) or '') or 0) then
    redis.call('SET', keys[1], text(now_ms))
  end
  return text(now_ms)
end

-- Nothing is to be taken back any more: from the regions named, or from any.
local function tg_whole(keys, args)
  local others = {}
  for _, name in ipairs(args) do
    if is_region(name) then
      others[#others + 1] = 'whole:' .. name
    end
  end
  if #keys ~= 1 or not string.find(keys[1], ':{%d+}:run$') or #args > MOST_ORIGINS or #others ~= #args then
    return bad('tg_whole takes the key of the run, and the names of at most 16 regions')
  end
  local run = redis.call('HMGET', keys[1], 'seen')
  local shard = {
    run_key = keys[1],
    now_ms = redis_ms(),
    replid = current_run(),
    seen = run[1],
  }
  see_run(shard)
  for _, field in ipairs(#others > 0 and others or { 'whole' }) do
    redis.call('HSET', keys[1], field, shard.replid)
  end
  return 1
end

-- tg_swap ------------------------------------------------------------------------------------------------------------

local function tg_swap(keys, args)
  local lasting_ms = int(args[3], 1, WEEK_MS)
  if #keys ~= 1 or #args ~= 3 or not string.find(keys[1], ':up:[a-z0-9-]+$') or not lasting_ms then
    return bad('tg_swap takes the key of a pool, what is there, what shall be, and how long in ms')
  end
  local there = redis.call('GET', keys[1]) or ''
  if there ~= args[1] then
    return { 'other', there }
  end
  if args[2] == '' then
    redis.call('DEL', keys[1])
  else
    redis.call('SET', keys[1], args[2], 'PX', text(lasting_ms))
  end
  return { 'swapped' }
end

-- Read-only ones also answer when Redis is full.
local function register_reader(name, callback)
  redis.register_function({ function_name = name, callback = callback, flags = { 'no-writes' } })
end

register_reader('tg_version', tg_version)
register_reader('tg_join', tg_join)
register_reader('tg_read', tg_read)
register_reader('tg_rooms', tg_rooms)
register_reader('tg_count', tg_count)
redis.register_function('tg_clock', tg_clock)
redis.register_function('tg_publish', tg_publish)
redis.register_function('tg_control', tg_control)
redis.register_function('tg_presence', tg_presence)
redis.register_function('tg_flush', tg_flush)
redis.register_function('tg_limit', tg_limit)
redis.register_function('tg_swap', tg_swap)
redis.register_function('tg_whole', tg_whole)
redis.register_function('tg_relay', tg_relay)
redis.register_function('tg_gap', tg_gap)
redis.register_function('tg_lease', tg_lease)
redis.register_function('tg_merge', tg_merge)
redis.register_function('tg_region', tg_region)
redis.register_function('tg_layout', tg_layout)
redis.register_function('tg_node', tg_node)
