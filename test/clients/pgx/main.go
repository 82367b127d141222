// pgx: types, statement caches, batches, COPY, savepoints, serialization errors, cancel, notices, pools, error fields.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

var ctx = context.Background()

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(got, wanted any) {
	if !reflect.DeepEqual(got, wanted) {
		panic(fmt.Sprintf("%v is not %v", got, wanted))
	}
}

func fails(code string, err error) *pgconn.PgError {
	var told *pgconn.PgError
	if !errors.As(err, &told) || told.Code != code {
		panic(fmt.Sprintf("%v is not %s", err, code))
	}
	return told
}

func connect(options string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, "sslmode=disable "+options)
}

func types(conn *pgx.Conn) {
	moment := time.Date(2024, 2, 29, 1, 2, 3, 456789000, time.UTC)
	values := []struct {
		kind  string
		value any
	}{
		{"bool", true}, {"int2", int16(-7)}, {"int4", int32(5)}, {"int8", int64(-1 << 63)}, {"float4", float32(1.5)},
		{"float8", 0.1}, {"text", "ü '\\\n"}, {"bytea", []byte{0, 1, 255}}, {"timestamp", moment},
		{"int4[]", []any{int32(1), nil, int32(3)}}, {"text[]", []any{"a", `b"`, nil}},
		{"jsonb", map[string]any{"a": []any{1.0, nil}}},
		{"uuid", [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe,
		pgx.QueryExecModeDescribeExec} {
		for _, v := range values {
			rows, err := conn.Query(ctx, fmt.Sprintf("select $1::%s, null::%s", v.kind, v.kind), mode, v.value)
			check(err)
			if !rows.Next() {
				panic(rows.Err())
			}
			got, err := rows.Values()
			check(err)
			equal(got, []any{v.value, nil})
			rows.Close()
		}
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		var sum int
		var text string
		check(conn.QueryRow(ctx, "select $1::int + 1, $2::text", mode, 41, "it's").Scan(&sum, &text))
		equal(sum, 42)
		equal(text, "it's")
	}
	var number string
	var at time.Time
	check(conn.QueryRow(ctx, "select 12345678901234567890.0123::numeric::text, $1::timestamptz", moment).Scan(&number, &at))
	equal(number, "12345678901234567890.0123")
	equal(at.UTC(), moment)
}

func batches(conn *pgx.Conn) {
	_, err := conn.Exec(ctx, "create table items (id serial primary key, name text unique not null)")
	check(err)
	batch := &pgx.Batch{}
	for i := 0; i < 100; i++ {
		batch.Queue("insert into items (name) values ($1) returning id", fmt.Sprint("n", i))
	}
	results := conn.SendBatch(ctx, batch)
	for i := 0; i < 100; i++ {
		var id int
		check(results.QueryRow().Scan(&id))
		equal(id, i+1)
	}
	check(results.Close())
	batch = &pgx.Batch{}
	batch.Queue("insert into items (name) values ('lost')")
	batch.Queue("insert into items (name) values ('n5')")
	told := fails("23505", conn.SendBatch(ctx, batch).Close())
	equal([]string{told.ConstraintName, told.TableName, told.SchemaName}, []string{"items_name_key", "items", "public"})
	equal(told.Detail, "Key (name)=(n5) already exists.")
	var count int
	check(conn.QueryRow(ctx, "select count(*) from items").Scan(&count))
	equal(count, 100)
	rows, err := conn.Query(ctx, "select id, name from items where id <= 2 order by id")
	check(err)
	type item struct {
		ID   int32
		Name string
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[item])
	check(err)
	equal(found, []item{{1, "n0"}, {2, "n1"}})
	tag, err := conn.Exec(ctx, "update items set name = name || 'x' where id <= 3")
	check(err)
	equal(tag.String(), "UPDATE 3")
	_, err = conn.Exec(ctx, "select * from missing")
	equal(fails("42P01", err).Position, int32(15))
}

func copies(conn *pgx.Conn) {
	rows := [][]any{}
	for i := 0; i < 1000; i++ {
		rows = append(rows, []any{int32(i + 1000), fmt.Sprint("copied ", i)})
	}
	count, err := conn.CopyFrom(ctx, pgx.Identifier{"items"}, []string{"id", "name"}, pgx.CopyFromRows(rows))
	check(err)
	equal(count, int64(1000))
	var out strings.Builder
	_, err = conn.PgConn().CopyTo(ctx, &out, "copy (select id, name from items where id = 1999) to stdout csv header")
	check(err)
	equal(out.String(), "id,name\n1999,copied 999\n")
	_, err = conn.PgConn().CopyFrom(ctx, strings.NewReader("3000\tx\nbad\ty\n"), "copy items from stdin")
	fails("22P02", err)
}

func transactions(conn, other *pgx.Conn) {
	tx, err := conn.Begin(ctx)
	check(err)
	inner, err := tx.Begin(ctx)
	check(err)
	_, err = inner.Exec(ctx, "insert into items (name) values ('n9')")
	fails("23505", err)
	check(inner.Rollback(ctx))
	_, err = tx.Exec(ctx, "insert into items (name) values ('kept')")
	check(err)
	check(tx.Commit(ctx))
	var both [2]pgx.Tx
	for i, c := range []*pgx.Conn{conn, other} {
		both[i], err = c.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable})
		check(err)
		var sum int
		check(both[i].QueryRow(ctx, "select sum(length(name)) from items where id < 3").Scan(&sum))
	}
	_, err = both[0].Exec(ctx, "update items set name = 'another' where id = 1")
	check(err)
	check(both[0].Commit(ctx))
	_, err = both[1].Exec(ctx, "update items set name = 'other' where id = 2")
	if err == nil {
		err = both[1].Commit(ctx)
	}
	fails("40001", err)
	both[1].Rollback(ctx)
}

func messages() {
	config, err := pgx.ParseConfig("sslmode=disable")
	check(err)
	var seen []string
	config.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { seen = append(seen, notice.Message) }
	conn, err := pgx.ConnectConfig(ctx, config)
	check(err)
	_, err = conn.Exec(ctx, "drop table if exists nothing_here")
	check(err)
	equal(seen, []string{`table "nothing_here" does not exist, skipping`})
	running := make(chan error)
	go func() {
		_, err := conn.Exec(ctx, "select count(*) from generate_series(1, 1000000000) a")
		running <- err
	}()
	for done := false; !done; {
		check(conn.PgConn().CancelRequest(ctx))
		select {
		case err = <-running:
			done = true
		case <-time.After(100 * time.Millisecond):
		}
	}
	fails("57014", err)
	conn.Close(ctx)
}

func pools() {
	pool, err := pgxpool.New(ctx, "sslmode=disable pool_max_conns=4")
	check(err)
	done := make(chan error)
	for i := 0; i < 50; i++ {
		go func(i int) {
			var n int
			err := pool.QueryRow(ctx, "select $1::int", i).Scan(&n)
			if err == nil && n != i {
				err = fmt.Errorf("%d is not %d", n, i)
			}
			done <- err
		}(i)
	}
	for i := 0; i < 50; i++ {
		check(<-done)
	}
	pool.Close()
}

func login() {
	user, password := os.Getenv("SCRAM_USER"), os.Getenv("SCRAM_PASSWORD")
	conn, err := pgx.Connect(ctx, fmt.Sprintf("user=%s password=%s sslmode=require", user, password))
	check(err)
	var me string
	check(conn.QueryRow(ctx, "select current_user").Scan(&me))
	equal(me, user)
	conn.Close(ctx)
	_, err = pgx.Connect(ctx, fmt.Sprintf("user=%s password=wrong sslmode=require", user))
	fails("28P01", err)
}

func main() {
	conn, err := connect("")
	check(err)
	other, err := connect("")
	check(err)
	types(conn)
	batches(conn)
	copies(conn)
	transactions(conn, other)
	messages()
	pools()
	login()
	_, err = conn.Exec(ctx, "drop table items")
	check(err)
	fmt.Println("ok")
}
