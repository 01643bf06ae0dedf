#!lua name=tidegate

-- Everything that Tidegate changes in Redis in one step. Keys, arguments and answers: docs/redis.md.
--
-- Redis does not roll a failed function back, so each one checks first and writes after. Keys that are not in KEYS are
-- derived from one that is: this needs no Redis Cluster, and Tidegate does not run on one (a shard's keys lie together,
-- `regions` and `clock` lie on every address).

-- A loader replaces an older version only. Raise it with every change of this file.
local VERSION = 3

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
local CHUNK = 64
local LIST_CHUNK = 8

local LANES = { chat = 'chat', custom = 'chat', gift = 'gift', control = 'control' }
local STREAMS = { chat = 'chat', gift = 'keep', control = 'keep' }

-- Numbers and answers ------------------------------------------------------------------------------------------------

-- Lua's own formatting turns large numbers into 1.7e+12.
local function text(number)
  return string.format('%.0f', number)
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

local function is_region(name)
  return #name >= 1 and #name <= 16 and not string.find(name, '[^a-z0-9%-]')
end

local function is_node(name)
  return #name >= 1 and #name <= 32 and not string.find(name, '[^a-z0-9%-]')
end

local function is_subject(name)
  return #name >= 1 and #name <= 63 and not string.find(name, '[^A-Za-z0-9._%-]')
end

local function is_reserved(room)
  return string.find(room, '^[~!]') ~= nil
end

local function is_room(name)
  if string.sub(name, 1, 1) == '~' then
    return is_subject(string.sub(name, 2))
  end
  return name == '!all' or (#name >= 1 and #name <= 64 and not string.find(name, '[^A-Za-z0-9._%-]'))
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
  return { ms = ms, seq = seq, text = text(ms) .. '-' .. text(seq) }
end

local function is_above(one, other)
  return one.ms > other.ms or (one.ms == other.ms and one.seq > other.seq)
end

local function stored_id(value)
  return parse_id(value) or ZERO
end

-- The last id of a stream.
local function last_id(key)
  local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  return newest and parse_id(newest[1]) or ZERO
end

-- Stamped fields -----------------------------------------------------------------------------------------------------

local function stamped(value)
  local ms, region, rest = string.match(value or '', '^(%d+)%.([a-z0-9%-]+) (.*)$')
  if not ms then
    return nil
  end
  return { ms = tonumber(ms), region = region, value = rest }
end

local function field_value(value)
  local field = stamped(value)
  return field and field.value
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

-- The regions in name order; the own one is always there. Who cannot be read counts as joining: its log is kept in
-- answers, and nobody waits for it.
local function regions_of(prefix, own)
  local known = redis.call('HGETALL', prefix .. ':regions')
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
  return list
end

-- The four bounds that begin at an argument, or nil. They stay texts: as numbers, each command would format them anew.
local function bounds_at(args, at)
  local chat, keep, log, retention_ms = unpack(args, at, at + 3)
  if int(chat, 1, 100000) and int(keep, 1, 100000) and int(log, 1, 10000000) and int(retention_ms, 1, 2592000000) then
    return { chat = chat, keep = keep, log = log, retention_ms = retention_ms }
  end
  return nil
end

local BAD_BOUNDS = 'a bound is not a number or out of range'

-- A shard of this region, ready to be appended to; nil and why not, when the keys do not belong together.
local function open_shard(log_key, run_key, region, bounds)
  if not is_region(region) then
    return nil, 'the region is not a name'
  end
  local base, prefix = string.match(log_key, '^((.+):{%d+}):log:[a-z0-9%-]+$')
  if not base or log_key ~= base .. ':log:' .. region or run_key ~= base .. ':run' then
    return nil, 'the keys of log and run do not fit the region'
  end
  local run = redis.call('HMGET', run_key, 'id', 'seen', 'since_ms', 'whole', 'given', 'last')
  -- Five times cheaper than asking the stream for its end, and it also holds when somebody deleted the stream.
  local last = stored_id(run[6])
  if redis.call('XREAD', 'COUNT', 1, 'STREAMS', log_key, last.text) then
    last = last_id(log_key)
  end
  return {
    region = region,
    base = base,
    prefix = prefix,
    log_key = log_key,
    run_key = run_key,
    log_max = bounds.log,
    retention_ms = bounds.retention_ms,
    now_ms = redis_ms(),
    regions = regions_of(prefix, region),
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
    if other.name ~= shard.region and other.state == 'active' then
      return true
    end
  end
  return false
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
    local clock_ms = tonumber(redis.call('GET', shard.prefix .. ':clock') or '') or 0
    ms = math.max(ms, clock_ms) + JUMP_MS
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
    redis.call('PEXPIRE', stream.key, shard.retention_ms)
  end
  local oldest_ms = math.max(0, id.ms - shard.retention_ms)
  redis.call('XADD', shard.log_key, 'MINID', '~', text(oldest_ms), id.text, unpack(fields))
  if redis.call('XLEN', shard.log_key) > tonumber(shard.log_max) then
    redis.call('XTRIM', shard.log_key, 'MAXLEN', '~', shard.log_max)
  end
  redis.call('HSET', shard.run_key, 'id', shard.replid, 'last', id.text)
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
  elseif #hash ~= 32 or string.find(hash, '[^0-9a-f]') then
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

-- The hash stays as a tombstone, so that the id is not used again soon; the rest goes when its readers have gone.
local function close_room(shard, room, keys)
  local data = set_fields(shard, room, { { name = 'state', value = 'closed' } })
  redis.call('PEXPIRE', room.key, WEEK_MS)
  delist(shard, room.name)
  redis.call('HDEL', shard.base .. ':likes', room.name)
  for _, key in ipairs({ keys[4], keys[5], keys[6], room.key .. ':online' }) do
    redis.call('PEXPIRE', key, shard.retention_ms)
  end
  for _, region in ipairs(shard.regions) do
    for _, what in ipairs({ ':keep:', ':chat:', ':likes:' }) do
      redis.call('PEXPIRE', room.key .. what .. region.name, shard.retention_ms)
    end
  end
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

local function entry_field(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then
      return fields[i + 1]
    end
  end
  return nil
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

local function tg_whole(keys)
  if #keys ~= 1 or not string.find(keys[1], ':{%d+}:run$') then
    return bad('tg_whole takes the key of the run')
  end
  local run = redis.call('HMGET', keys[1], 'seen')
  local shard = {
    run_key = keys[1],
    now_ms = redis_ms(),
    replid = current_run(),
    seen = run[1],
  }
  see_run(shard)
  redis.call('HSET', keys[1], 'whole', shard.replid)
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
