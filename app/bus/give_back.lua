-- Gives shards of the feed back, so that who waits for them need not wait longer. Called by the feed that had them.
-- KEYS 1 leader  see share; removed with the last of several shards, so that another number can be begun with
--      2 feeds   see share
--      3… lease  of each shard; see share
-- ARGV 1 feed that ends, or nothing  2 how many shards there are, or nothing with one; see share
--      3… for each shard the token that the feed had it by, or nothing
local left = 0
for at = 3, #KEYS do
  local mine, holder = ARGV[at], redis.call('GET', KEYS[at])
  if mine ~= '' and holder == mine then
    redis.call('DEL', KEYS[at])
  elseif holder then
    left = left + 1
  end
end
if left == 0 and ARGV[2] ~= '' and redis.call('GET', KEYS[1]) == ARGV[2] then
  redis.call('DEL', KEYS[1])
end
return redis.call('ZREM', KEYS[2], ARGV[1])
