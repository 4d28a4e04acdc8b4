-- Takes a mailbox for one drain. Called by a drain when it begins.
-- KEYS 1 lease           the token of the drain at work; renewed by extend, commit and rest, removed by rest and hand_over
--      2 armed           renewed here, so that the feed sends no second drain; see push
--      3 place           read for the cursor and the peaks; see push
--      4 forming         hash symbol → JSON; written by commit
--      5 levels:version  raised by whoever changed a trade
-- ARGV 1 token  2 lease for how many milliseconds  3 armed for how many milliseconds
-- Returns nothing when another drain has it, else {cursor, levels version, forming as a flat list, JSON of the peaks}.
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return false
end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
local place = redis.call('HMGET', KEYS[3], 'cursor', 'peaks')
return {
  place[1] or '0-0',
  redis.call('GET', KEYS[5]) or '0',
  redis.call('HGETALL', KEYS[4]),
  place[2] or '{}',
}
