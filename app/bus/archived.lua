-- Moves the archiver's cursor and trims the mailbox up to the slower of its two readers. Called by the archiver.
-- KEYS 1 mailbox   trimmed; see push
--      2 place     archive and archived move; see push
--      3 counters  hash
-- ARGV 1 cursor before  2 cursor after  3 rows between them  4 ticks stored
-- Returns 1, or 0 when the cursor is not where the caller left it.
if (redis.call('HGET', KEYS[2], 'archive') or '0-0') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[2], 'archive', ARGV[2])
redis.call('HINCRBY', KEYS[3], 'ticks_archived', ARGV[4])
local archived = redis.call('HINCRBY', KEYS[2], 'archived', ARGV[3])
local place = redis.call('HMGET', KEYS[2], 'drained', 'cursor')
local slower = tonumber(place[1] or 0) < archived and place[2] or ARGV[2]
if slower and tonumber(place[1] or 0) > 0 then
  local ms, seq = string.match(slower, '(%d+)-(%d+)')
  redis.call('XTRIM', KEYS[1], 'MINID', ms .. '-' .. string.format('%d', tonumber(seq) + 1))
end
return 1
