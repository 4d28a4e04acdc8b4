-- Goes on with the shards that a feed has, and takes what it asks for of those that nobody has. Called by every feed.
-- KEYS 1 leader  of the feed: with one shard its lease, with more how many there are, so that no feed can have another
--                number, nor one from before there were shards; removed by give_back
--      2 feeds   sorted set: every feed that is alive by the millisecond of its last call
--      3 takers  hash shard → the token of who took it last: whose lease has run out goes on only if nobody took it since
--      4… lease  one for each shard: the token of who has it; read by push, removed by give_back
-- ARGV 1 feed  2 for how many milliseconds  3 how many shards there are, as KEYS 1 says it, or nothing with one
--      4 how many there are  then for each shard the token that the feed has it by, or nothing
--      then for each the token to take it by, or nothing  then feeds that are known to be dead
-- Returns {what KEYS 1 says if that is something else, feeds that were alive before, {feeds alive},
-- {token of who has it, or nothing, for each shard}}
local me, life, division, shards = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local dead = {}
for at = 5 + 2 * shards, #ARGV do
  dead[ARGV[at]] = true
end
local function is_dead(token)
  return dead[string.match(token, '^(.*)#') or token]
end

local leader = redis.call('GET', KEYS[1])
if leader and leader ~= division and not is_dead(leader) and (division ~= '' or string.sub(leader, 1, 7) == 'shards:') then
  return {leader}
end
if division ~= '' then
  redis.call('SET', KEYS[1], division, 'PX', life)
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - life)
for feed in pairs(dead) do
  redis.call('ZREM', KEYS[2], feed)
end
local before = redis.call('ZCARD', KEYS[2])
redis.call('ZADD', KEYS[2], now, me)
redis.call('PEXPIRE', KEYS[2], life)

local holders = {}
for at = 1, shards do
  local lease, mine, wanted = KEYS[3 + at], ARGV[4 + at], ARGV[4 + shards + at]
  local holder = redis.call('GET', lease)
  if holder and is_dead(holder) then
    redis.call('DEL', lease)
    holder = false
  end
  local taker = redis.call('HGET', KEYS[3], at - 1)
  local goes_on = mine ~= '' and (holder == mine or not holder and (taker or mine) == mine)
  local token = goes_on and mine or not holder and wanted
  if token and token ~= '' then
    redis.call('SET', lease, token, 'PX', life)
    if taker ~= token then
      redis.call('HSET', KEYS[3], at - 1, token)
    end
    holder = token
  end
  holders[at] = holder or ''
end
return {'', before, redis.call('ZRANGE', KEYS[2], 0, -1), holders}
