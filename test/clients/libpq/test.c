// libpq in pipeline mode: many statements on their way at once, an error amid them, prepared statements in binary,
// rows one by one, cancel. Any check that fails ends the program with its line.
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                   \
  do {                                                                                     \
    if (!(condition)) {                                                                    \
      fprintf(stderr, "line %d: %s: %s", __LINE__, #condition, PQerrorMessage(connection)); \
      exit(1);                                                                             \
    }                                                                                      \
  } while (0)

static void run(PGconn *connection, const char *statement)
{
  PGresult *result = PQexec(connection, statement);
  CHECK(PQresultStatus(result) == PGRES_COMMAND_OK);
  PQclear(result);
}

// The next result must be of this kind; behind each statement's stands a null.
static PGresult *next(PGconn *connection, ExecStatusType wanted)
{
  PGresult *result = PQgetResult(connection);
  CHECK(result && PQresultStatus(result) == wanted);
  if (wanted != PGRES_PIPELINE_SYNC && wanted != PGRES_SINGLE_TUPLE) CHECK(PQgetResult(connection) == NULL);
  return result;
}

static void pipeline(PGconn *connection)
{
  enum { COUNT = 1000 };
  run(connection, "create table piped (a int primary key, b text)");
  CHECK(PQenterPipelineMode(connection) && PQpipelineStatus(connection) == PQ_PIPELINE_ON);
  CHECK(PQsendPrepare(connection, "put", "insert into piped values ($1, $2) returning a", 2, NULL));
  for (int i = 0; i < COUNT; i++) {
    uint32_t number = htonl((uint32_t)i);
    const char *values[] = {(const char *)&number, i % 10 ? "text" : NULL};
    CHECK(PQsendQueryPrepared(connection, "put", 2, values, (int[]){4, 0}, (int[]){1, 0}, 1));
  }
  CHECK(PQsendFlushRequest(connection));
  PQclear(next(connection, PGRES_COMMAND_OK));
  for (int i = 0; i < COUNT; i++) {
    PGresult *result = next(connection, PGRES_TUPLES_OK);
    uint32_t number;
    CHECK(PQfformat(result, 0) == 1 && PQgetlength(result, 0, 0) == 4);
    memcpy(&number, PQgetvalue(result, 0, 0), 4);
    CHECK(ntohl(number) == (uint32_t)i);
    PQclear(result);
  }
  CHECK(PQpipelineSync(connection));
  PQclear(next(connection, PGRES_PIPELINE_SYNC));

  // What stands behind an error is passed over up to the next Sync, and what stood before it is undone.
  CHECK(PQsendQueryParams(connection, "insert into piped values (5000)", 0, NULL, NULL, NULL, NULL, 0));
  CHECK(PQsendQueryParams(connection, "insert into piped values (1)", 0, NULL, NULL, NULL, NULL, 0));
  CHECK(PQsendQueryParams(connection, "insert into piped values (5001)", 0, NULL, NULL, NULL, NULL, 0));
  CHECK(PQpipelineSync(connection));
  CHECK(PQsendQueryParams(connection, "select count(*) from piped", 0, NULL, NULL, NULL, NULL, 0));
  CHECK(PQpipelineSync(connection));
  PQclear(next(connection, PGRES_COMMAND_OK));
  PGresult *failed = next(connection, PGRES_FATAL_ERROR);
  CHECK(!strcmp(PQresultErrorField(failed, PG_DIAG_SQLSTATE), "23505"));
  CHECK(!strcmp(PQresultErrorField(failed, PG_DIAG_CONSTRAINT_NAME), "piped_pkey"));
  PQclear(failed);
  CHECK(PQpipelineStatus(connection) == PQ_PIPELINE_ABORTED);
  PQclear(next(connection, PGRES_PIPELINE_ABORTED));
  PQclear(next(connection, PGRES_PIPELINE_SYNC));
  PGresult *counted = next(connection, PGRES_TUPLES_OK);
  CHECK(atoi(PQgetvalue(counted, 0, 0)) == COUNT);
  PQclear(counted);
  PQclear(next(connection, PGRES_PIPELINE_SYNC));
  CHECK(PQexitPipelineMode(connection));
}

static void described(PGconn *connection)
{
  PGresult *result = PQdescribePrepared(connection, "put");
  CHECK(PQnparams(result) == 2 && PQparamtype(result, 0) == 23 && PQparamtype(result, 1) == 25);
  CHECK(PQnfields(result) == 1 && PQftype(result, 0) == 23 && PQftable(result, 0) != InvalidOid && PQftablecol(result, 0) == 1);
  PQclear(result);
}

static void one_by_one(PGconn *connection)
{
  int count = 0;
  PGresult *result;
  CHECK(PQsendQuery(connection, "select a from piped order by a") && PQsetSingleRowMode(connection));
  while ((result = PQgetResult(connection)) && PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
    CHECK(atoi(PQgetvalue(result, 0, 0)) == count++);
    PQclear(result);
  }
  CHECK(count == 1000 && PQresultStatus(result) == PGRES_TUPLES_OK);
  PQclear(result);
  CHECK(PQgetResult(connection) == NULL);
}

static void cancelled(PGconn *connection)
{
  char error[256];
  PGcancel *cancel = PQgetCancel(connection);
  CHECK(PQsendQuery(connection, "select count(*) from generate_series(1, 1000000000) a"));
  CHECK(PQcancel(cancel, error, sizeof error));
  PQfreeCancel(cancel);
  PGresult *result = next(connection, PGRES_FATAL_ERROR);
  CHECK(!strcmp(PQresultErrorField(result, PG_DIAG_SQLSTATE), "57014"));
  PQclear(result);
}

int main(void)
{
  PGconn *connection = PQconnectdb("");
  CHECK(PQstatus(connection) == CONNECTION_OK);
  printf("libpq %d\n", PQlibVersion());
  pipeline(connection);
  described(connection);
  one_by_one(connection);
  cancelled(connection);
  run(connection, "drop table piped");
  PQfinish(connection);

  const char *names[] = {"user", "password", "sslmode", "channel_binding", NULL};
  const char *values[] = {getenv("SCRAM_USER"), getenv("SCRAM_PASSWORD"), "require", "require", NULL};
  connection = PQconnectdbParams(names, values, 0);
  CHECK(PQstatus(connection) == CONNECTION_OK && PQsslInUse(connection));
  run(connection, "begin");
  PQfinish(connection);
  puts("ok");
  return 0;
}
