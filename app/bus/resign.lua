-- Gives the lead of a service back, so that who stands by need not wait. Called by who led when it ends.
-- KEYS 1 leader  see lead
-- ARGV 1 token
-- Returns 1, or 0 when another leads.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
