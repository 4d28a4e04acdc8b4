-- Puts a frame into a mailbox and arms a drain if none is armed. Called by the feed.
-- KEYS 1 mailbox     stream; read by the drain and the archiver, trimmed here, in commit and in archived
--      2 place       hash pushed, drained, archived, cursor, archive, peaks; written here, in commit and in archived
--      3 armed       set here; renewed by lease and commit, removed by rest
--      4 counters    hash; written by commit, archived and Counters
--      5 lease       the token of the feed that may push here; see share
-- ARGV 1 frame  2 rows in it  3 ticks in it  4 cap in rows  5 armed for how many milliseconds  6 token, or nothing
-- Returns {taken 1 or 0, armed now 1 or 0, rows ever pushed}: not taken when the undrained rows fill the mailbox, or
-- when another feed has its shard.
local place = redis.call('HMGET', KEYS[2], 'pushed', 'drained', 'archived', 'cursor')
local pushed, drained, archived = tonumber(place[1] or 0), tonumber(place[2] or 0), tonumber(place[3] or 0)
local rows, cap = tonumber(ARGV[2]), tonumber(ARGV[4])
if ARGV[6] ~= '' and redis.call('GET', KEYS[5]) ~= ARGV[6] then
  return {0, 0, pushed}
end
local armed = redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[5]) and 1 or 0

if pushed > drained and pushed - drained + rows > cap then
  return {0, armed, pushed}
end
if drained > archived and pushed - archived + rows > cap then   -- the archiver is too slow: bars go first
  local ms, seq = string.match(place[4], '(%d+)-(%d+)')
  redis.call('XTRIM', KEYS[1], 'MINID', ms .. '-' .. string.format('%d', tonumber(seq) + 1))
  redis.call('HSET', KEYS[2], 'archived', drained, 'archive', place[4])
  redis.call('HINCRBY', KEYS[4], 'ticks_archive_lost', drained - archived)
end
redis.call('XADD', KEYS[1], '*', 'f', ARGV[1], 'n', ARGV[2])
redis.call('HINCRBY', KEYS[4], 'ticks_received', ARGV[3])
return {1, armed, redis.call('HINCRBY', KEYS[2], 'pushed', rows)}
