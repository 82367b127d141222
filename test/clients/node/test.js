// node-postgres: types, prepared statements, cursors, COPY, pools, transactions, cancel, notices, LISTEN, error fields.
'use strict'
const assert = require('assert')
const { Client, Pool } = require('pg')
const Cursor = require('pg-cursor')
const copy = require('pg-copy-streams')
const { pipeline } = require('stream/promises')
const { Readable } = require('stream')

async function fails(code, promise) {
  try {
    await promise
  } catch (error) {
    assert.strictEqual(error.code, code, error.message)
    return error
  }
  throw new Error('no ' + code)
}

async function types(client) {
  const moment = new Date(Date.UTC(2024, 1, 29, 1, 2, 3, 4))
  const values = [['boolean', true], ['int4', -7], ['int8', '9223372036854775807'], ['float8', 0.1], ['numeric', '1.230'],
    ['text', "ü ' \\ \n"], ['bytea', Buffer.from([0, 1, 255])], ['timestamptz', moment], ['uuid', '12345678-1234-5678-1234-567812345678'],
    ['int4[]', [1, null, 3]], ['text[]', ['a', 'b"', null]], ['date', '2024-02-29', (date) => date.getDate() === 29]]
  for (const [kind, value, check] of values) {
    const { rows: [row], fields } = await client.query(`select $1::${kind} as v, null::${kind} as n`, [value])
    if (check) assert(check(row.v))
    else assert.deepStrictEqual(row.v, value, kind)
    assert.strictEqual(row.n, null)
    assert.deepStrictEqual(fields.map((field) => field.name), ['v', 'n'])
  }
  const { rows: [row] } = await client.query('select $1::jsonb as j, interval \'1 day 2 hours\' as i', [{ a: [1, null] }])
  assert.deepStrictEqual(row.j, { a: [1, null] })
  assert.strictEqual(row.i.days, 1)
  const several = await client.query('select 1 as a; select 2 as b')
  assert.deepStrictEqual(several.map((result) => result.rows), [[{ a: 1 }], [{ b: 2 }]])
  const arrays = await client.query({ text: 'select 1, 2', rowMode: 'array' })
  assert.deepStrictEqual(arrays.rows, [[1, 2]])
}

async function prepared(client) {
  await client.query('create table items (id serial primary key, name text unique)')
  for (let n = 1; n <= 20; n++) {
    const query = { name: 'put', text: 'insert into items (name) values ($1) returning id', values: ['n' + n] }
    assert.strictEqual((await client.query(query)).rows[0].id, n)
  }
  const all = await Promise.all([...Array(50).keys()].map((n) => client.query('select $1::int as n', [n])))
  assert.deepStrictEqual(all.map((result) => result.rows[0].n), [...Array(50).keys()])
  const updated = await client.query("update items set name = name || 'x' where id <= 3")
  assert.strictEqual(updated.rowCount, 3)
  assert.strictEqual(updated.command, 'UPDATE')
  const error = await fails('23505', client.query("insert into items (name) values ('n9')"))
  assert.strictEqual(error.constraint, 'items_name_key')
  assert.strictEqual(error.table, 'items')
  assert.strictEqual(error.detail, 'Key (name)=(n9) already exists.')
  assert.strictEqual((await fails('42P01', client.query('select * from missing'))).position, '15')
}

async function cursors(client) {
  const cursor = client.query(new Cursor('select g from generate_series(1, $1::int) g', [250]))
  let rows = 0
  for (let part = await cursor.read(100); part.length; part = await cursor.read(100)) rows += part.length
  assert.strictEqual(rows, 250)
  await cursor.close()
}

async function copies(client) {
  const lines = Readable.from([...Array(1000).keys()].map((n) => `${n + 1000}\tcopied ${n}\n`))
  await pipeline(lines, client.query(copy.from('copy items from stdin')))
  let text = ''
  for await (const part of client.query(copy.to('copy (select * from items where id = 1999) to stdout with csv header'))) text += part
  assert.strictEqual(text, 'id,name\n1999,copied 999\n')
}

async function transactions(client, other) {
  await client.query('create table account (k int primary key, v int)')
  await client.query('begin')
  await client.query('insert into account values (1, 10), (2, 10)')
  await client.query('savepoint here')
  await fails('23505', client.query('insert into account values (1, 0)'))
  await fails('25P02', client.query('select 1'))
  await client.query('rollback to here')
  await client.query('commit')
  for (const one of [client, other]) {
    await one.query('begin isolation level serializable')
    await one.query('select sum(v) from account')
  }
  await client.query('update account set v = 0 where k = 1')
  await client.query('commit')
  await fails('40001', other.query('update account set v = 0 where k = 2').then(() => other.query('commit')))
  await other.query('rollback')
  await client.query('drop table account')
}

async function messages(client, other) {
  const notices = []
  client.on('notice', (notice) => notices.push(notice.message))
  await client.query('drop table if exists nothing_here')
  assert.deepStrictEqual(notices, ['table "nothing_here" does not exist, skipping'])
  const { rows: [{ pid }] } = await client.query('select pg_backend_pid() as pid')
  assert.strictEqual(pid, client.processID)
  const stopped = fails('57014', client.query('select count(*) from generate_series(1, 1000000000) a'))
  await other.query('select pg_cancel_backend($1)', [pid])
  await stopped
  const heard = new Promise((resolve) => client.once('notification', resolve))
  try {
    await client.query('listen news')
  } catch (error) {
    assert.strictEqual(error.code, '0A000')
    console.log('left out:', error.message)
    return
  }
  await other.query("notify news, 'hello'")
  const { channel, payload } = await heard
  assert.deepStrictEqual([channel, payload], ['news', 'hello'])
}

async function pools() {
  const pool = new Pool({ max: 3 })
  const all = await Promise.all([...Array(30).keys()].map((n) => pool.query('select $1::int as n', [n])))
  assert.strictEqual(all.length, 30)
  await pool.end()
}

async function login() {
  const secret = { user: process.env.SCRAM_USER, password: process.env.SCRAM_PASSWORD, ssl: { rejectUnauthorized: false } }
  const client = new Client(secret)
  await client.connect()
  assert.strictEqual((await client.query('select current_user as me')).rows[0].me, secret.user)
  await client.end()
  await fails('28P01', new Client({ ...secret, password: 'wrong' }).connect())
}

async function main() {
  delete process.env.PGSSLMODE
  const [client, other] = [new Client(), new Client()]
  await client.connect()
  await other.connect()
  for (const test of [types, prepared, cursors, copies, transactions, messages, pools, login]) {
    await test(client, other)
    console.log('ok', test.name)
  }
  await client.query('drop table items')
  await client.end()
  await other.end()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
