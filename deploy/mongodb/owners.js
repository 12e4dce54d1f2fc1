// Run once by the mongo image, before the first start: one user for each database owner, allowed in its own database only.
for (const pair of process.env.SITE11_MONGO_OWNERS.split(/\s+/)) {
  const [owner, password] = pair.split('=')
  const name = `${owner}_db`
  db.getSiblingDB(name).createUser({ user: owner, pwd: password, roles: [{ role: 'readWrite', db: name }] })
}
