-- Ends a drain that found its mailbox empty, unless something has come in since. Called by a drain.
-- KEYS 1 lease    removed; see lease
--      2 armed    removed, so that the next push sends a drain; see push
--      3 place    read for the cursor; see push
--      4 mailbox  looked at; see push
-- ARGV 1 token  2 lease ms  3 armed ms
-- Returns 1 at rest, 0 to go on, -1 when the lease is lost. Looking and disarming are one: no wake-up is lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return -1
end
local cursor = redis.call('HGET', KEYS[3], 'cursor') or '0-0'
if #redis.call('XRANGE', KEYS[4], '(' .. cursor, '+', 'COUNT', 1) > 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
  return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
