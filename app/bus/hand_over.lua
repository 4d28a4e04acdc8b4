-- Gives a mailbox up while there may be more in it; the caller sends the next drain. Called by a drain.
-- KEYS 1 lease  removed; see lease
--      2 armed  stays, so that only one drain is sent; see push
-- ARGV 1 token  2 armed ms
-- Returns 1, or 0 when the lease is lost.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
return 1
