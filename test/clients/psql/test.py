"""psql: its backslash commands answer without an error and name what is there; variables, \\gexec, \\copy, \\watch, errors."""
import os
import re
import subprocess

SETUP = """
create schema app;
create table app.author (id serial primary key, name varchar(40) not null unique);
create table app.book (id bigint generated always as identity primary key, author int not null references app.author on delete
  cascade, title text default 'none', price numeric(8,2) check (price > 0));
create index book_title on app.book (title, price desc);
create view app.titles as select title from app.book;
create sequence app.counter;
comment on table app.book is 'what is read';
grant select on app.book to ann;
set search_path = app, public;
"""

# A command, and what its answer must name.
COMMANDS = [
    (r"\d", ["author", "book_id_seq", "titles", "counter"]), (r"\d+", ["what is read"]),
    (r"\d book", ["numeric(8,2)", "'none'::text", '"book_pkey" PRIMARY KEY, btree (id)', "book_title", "price DESC",
                  "CHECK (price > 0::numeric)", "FOREIGN KEY (author) REFERENCES", "ON DELETE CASCADE"]),
    (r"\d author", ["nextval(", "character varying(40)", "UNIQUE CONSTRAINT", "Referenced by:"]),
    (r"\d+ book", ["Storage", "extended"]), (r"\d titles", ["title"]), (r"\d+ titles", ["SELECT"]),
    (r"\d book_title", ["btree", "title"]), (r"\d counter", ["bigint"]), (r"\dt", ["author", "book"]), (r"\dt+", ["what is read"]),
    (r"\dt app.*", ["author"]), (r"\di", ["book_pkey", "book_title"]), (r"\di+", ["author_name_key"]), (r"\dv", ["titles"]),
    (r"\dv+", ["titles"]), (r"\ds", ["counter"]), (r"\dm", []), (r"\dE", []), (r"\dtvs", ["titles"]), (r"\df", []),
    (r"\df pg_catalog.abs", ["abs"]), (r"\da", []), (r"\da pg_catalog.sum", ["sum"]), (r"\dn", ["app", "public"]),
    (r"\dn+", ["app"]), (r"\du", ["ann"]), (r"\du+", ["ann"]), (r"\dg", ["ann"]), (r"\dp", ["ann=r/"]),
    (r"\dp book", ["ann=r/"]), (r"\z", ["book"]), (r"\dT", []), (r"\dT+", []), (r"\dT pg_catalog.int4", ["integer"]),
    (r"\l", ["UTF8"]), (r"\l+", ["UTF8"]), (r"\dx", []), (r"\dx+", []), (r"\conninfo", ["connected to database"]), (r"\dD", []),
    (r"\ddp", []), (r"\db", []), (r"\des", []), (r"\deu", []), (r"\dew", []),
    (r"\det", []),
    (r"\dP", []), (r"\drds", []), (r"\dRp", []), (r"\dRs", []), (r"\dy", []),
    (r"\dA", ["btree"]), (r"\dconfig", ["search_path"]), (r"\sv titles", ["CREATE OR REPLACE VIEW"]),
    (r"\encoding", ["UTF8"]), (r"\echo :SERVER_VERSION_NUM", ["15"]),
    (r"select 1 as one \gset" + "\n" + r"\echo got :one", ["got 1"]), (r"select 1, 2 \gdesc", ["integer"]),
    (r"select 'select ' || g || ' + 40' from generate_series(1, 2) g \gexec", ["41", "42"]),
    (r"select 'a', 'b', 3 \crosstabview", ["b", "3"]), (r"select 1 as x \gx", ["RECORD 1"]),
    (r"\copy (select 7) to stdout", ["7"]), (r"\pset null ∅" + "\nselect null", ["∅"]), (r"\x" + "\nselect 5 as five", ["RECORD"]),
    (r"\timing on" + "\nselect 1", ["Time:"]), (r"\set FETCH_COUNT 10" + "\nselect g from generate_series(1, 35) g", ["(35 rows)"]),
    (r"\set ON_ERROR_ROLLBACK on" + "\nbegin;\ndelete from author;\nselect 1 from author;\ncommit;", ["COMMIT"]),
    (r"\prompt 'a ' a" + "\nword\n" + r"\echo :a", ["word"]), (r"prepare p as select $1::int; execute p(9)", ["9"]),
    (r"\h select", ["SELECT"]),
    (r"\dS+", ["pg_class"]), (r"\dtS", ["pg_proc"]), (r"\dt *.*", ["book", "pg_class"]), (r"\dnS", ["pg_catalog"]),
    (r"\dgS", ["pg_monitor"]), (r"\df+", []), (r"\df+ abs", ["immutable", "bigint"]), (r"\dfS json_each", ["SETOF record", "OUT key text"]),
    (r"\do", []), (r"\doS ||", ["text"]), (r"\do+ =", ["boolean"]), (r"\dTS int*", ["integer"]), (r"\dC", ["bigint"]), (r"\dc", []),
    (r"\dcS", []), (r"\dd", []), (r"\ddS", []), (r"\dD+", []), (r"\dO", []), (r"\dOS", ["default"]), (r"\dF", []), (r"\dFd", []),
    (r"\dFp", []), (r"\dFt", []), (r"\dA+", ["btree"]), (r"\dAc", []), (r"\dAf", []), (r"\dAp", []), (r"\dL", []),
    (r"\dLS", ["internal"]), (r"\daS sum", ["numeric"]), (r"\dX", []), (r"\dl", []), (r"\lo_list", []), (r"\sv+ titles", ["titles"]),
    (r"alter role ann set app.who = 'ann'" + "\n;" + r"\drds", ["app.who=ann"]),
]


def psql(text, *options, fails=False):
    done = subprocess.run(["psql", "-X", *options], input=text, capture_output=True, text=True, encoding="utf-8",
                          env={**os.environ, "PGOPTIONS": "-c search_path=app,public", "PAGER": ""}, timeout=300)
    if fails != bool(re.search("ERROR|FATAL|invalid|error:", done.stderr)):
        raise AssertionError(f"{text}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def backslashes():
    psql(SETUP, "-q")
    bad = []
    for command, names in COMMANDS:
        try:
            said = psql(command + (";" if command.startswith(("select", "prepare")) and "\\" not in command else "") + "\n")
            if command.startswith("\\") and "\n" in command and "select" in command:
                said = psql(command + ";\n")
            missing = [name for name in names if name not in said]
            if missing:
                bad.append(f"{command}: {missing} are not in\n{said}")
        except AssertionError as error:
            bad.append(str(error))
    if bad:
        raise AssertionError("\n".join(bad))


def copies():
    psql("create table copied (a int, b text);\n\\copy copied from stdin\n1\tx\n2\t\\N\n\\.\n", "-q")
    assert psql("\\copy copied to stdout csv header\n") == "a,b\n1,x\n2,\n"
    psql("copy copied from stdin csv;\n3,c\n\\.\n", "-q")
    assert psql("select count(*) from copied", "-At").strip() == "3"


def errors():
    said = psql("\\set VERBOSITY verbose\nselect nothing\n  from copied;\n", fails=True)
    assert "ERROR:  42703: column" in said and "LINE 1: select nothing" in said and "^" in said, said
    said = psql("insert into app.author values (1, 'x'), (1, 'y');", fails=True)
    assert 'duplicate key value violates unique constraint "author_pkey"' in said and "DETAIL:  Key (id)=(1)" in said, said
    said = psql("select 1/0;\n\\echo :SQLSTATE :LAST_ERROR_MESSAGE\n", fails=True)
    assert "22012 division by zero" in said, said
    done = subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1", "-1", "-c", "insert into app.copied values (9)", "-c", "select x"],
                          capture_output=True, text=True)
    assert done.returncode == 1
    assert psql("select count(*) from app.copied where a = 9", "-At").strip() == "0"


def login():
    secret = {**os.environ, "PGUSER": os.environ["SCRAM_USER"], "PGPASSWORD": os.environ["SCRAM_PASSWORD"],
              "PGSSLMODE": "require", "PGCHANNELBINDING": "require"}
    done = subprocess.run(["psql", "-X", "-At", "-c", "select current_user", "-c", "\\conninfo"], capture_output=True, text=True, env=secret)
    assert done.stdout.startswith(secret["PGUSER"] + "\n") and "SSL connection (protocol: TLS" in done.stdout, done
    done = subprocess.run(["psql", "-X", "-c", "select 1"], capture_output=True, text=True, env={**secret, "PGPASSWORD": "wrong"})
    assert done.returncode == 2 and "password authentication failed" in done.stderr, done


def main():
    print(subprocess.run(["psql", "--version"], capture_output=True, text=True).stdout.strip())
    for test in (backslashes, copies, errors, login):
        test()
        print("ok", test.__name__)
    psql("drop schema app cascade", "-q")


main()
