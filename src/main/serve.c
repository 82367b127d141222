// quern serve: one engine behind the PostgreSQL protocol.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connect/connectors.h"
#include "main/commands.h"
#include "os/signal.h"
#include "wire/server.h"

struct serve_options {
  struct connectors connectors;
  struct quern_options engine;
  const char *listen;
  struct server_options server;
  bool in_memory;
};

static void log_line(void *context, const char *line)
{
  fprintf(stderr, "quern: %s\n", line);
}

static int complain(const char *format, const char *detail)
{
  fprintf(stderr, "quern: ");
  fprintf(stderr, format, detail);
  fprintf(stderr, "\n");
  return -1;
}

// "512", "64kB", "256MB", "2GB".
static int parse_size(const char *text, uint64_t *size)
{
  static const struct { const char *unit; int shift; } units[] = {{"", 0}, {"B", 0}, {"kB", 10}, {"MB", 20}, {"GB", 30}};
  char *end;
  uint64_t number = strtoull(text, &end, 10);
  for (size_t i = 0; end != text && text[0] != '-' && i < sizeof units / sizeof units[0]; i++)
    if (strcmp(end, units[i].unit) == 0 && number <= UINT64_MAX >> units[i].shift) {
      *size = number << units[i].shift;
      return 0;
    }
  return complain("\"%s\" is not a size: give bytes, or a number with kB, MB or GB", text);
}

static int parse_workers(const char *text, unsigned *workers)
{
  char *end;
  unsigned long number = strtoul(text, &end, 10);
  if (end == text || *end || number < 1 || number > 64)
    return complain("\"%s\" is not a number of workers between 1 and 64", text);
  *workers = (unsigned)number;
  return 0;
}

// "plan-cache,literals": what is to be left out.
static int parse_without(const char *text, unsigned *without)
{
  static const struct { const char *name; enum quern_optimization bit; } names[] = {
    {"plan-cache", QUERN_PLAN_CACHE},     {"literals", QUERN_LITERALS},     {"group-commit", QUERN_GROUP_COMMIT},
    {"pipelining", QUERN_PIPELINING},     {"short-path", QUERN_SHORT_PATH},
  };
  for (const char *at = text;; at++) {
    size_t size = strcspn(at, ","), i = 0;
    while (i < sizeof names / sizeof names[0] && (strlen(names[i].name) != size || memcmp(names[i].name, at, size) != 0))
      i++;
    if (i == sizeof names / sizeof names[0])
      return complain("\"%s\" cannot be left out: there are plan-cache, literals, group-commit, pipelining and short-path, "
                      "with commas between them", text);
    *without |= names[i].bit;
    at += size;
    if (!*at)
      return 0;
  }
}

static int allow_folder(struct folders *folders, const char *path)
{
  struct quern_error error;
  return folders_add(folders, path, &error) ? complain("%s", error.message) : 0;
}

// "auto": a certificate of our own.
static int parse_tls(const char *text, struct server_options *server)
{
  server->makes_certificate = strcmp(text, "auto") == 0;
  return server->makes_certificate ? 0 : complain("--tls takes \"auto\" and not \"%s\": for a certificate of yours give "
                                                  "--tls-cert and --tls-key", text);
}

static int parse_seconds(const char *text, int *seconds)
{
  char *end;
  long number = strtol(text, &end, 10);
  if (end == text || *end || number < 1 || number > 600)
    return complain("\"%s\" is not a number of seconds between 1 and 600", text);
  *seconds = (int)number;
  return 0;
}

static int take_server_option(struct server_options *server, const char *name, const char *value)
{
  if (strcmp(name, "--hba") == 0)
    server->rules = value;
  else if (strcmp(name, "--tls-cert") == 0)
    server->certificate = value;
  else if (strcmp(name, "--tls-key") == 0)
    server->key = value;
  else if (strcmp(name, "--tls") == 0)
    return parse_tls(value, server);
  else if (strcmp(name, "--login-timeout") == 0)
    return parse_seconds(value, &server->login_timeout_s);
  else
    return complain("unknown option %s (quern --help lists them)", name);
  return 0;
}

static int take_option(struct serve_options *options, const char *name, const char *value)
{
  if (strcmp(name, "--data") == 0)
    options->engine.data_directory = value;
  else if (strcmp(name, "--listen") == 0)
    options->listen = value;
  else if (strcmp(name, "--memory-limit") == 0)
    return parse_size(value, &options->engine.memory_limit);
  else if (strcmp(name, "--statement-memory") == 0)
    return parse_size(value, &options->engine.statement_memory);
  else if (strcmp(name, "--temporary") == 0)
    options->engine.temporary_directory = value;
  else if (strcmp(name, "--temporary-limit") == 0)
    return parse_size(value, &options->engine.temporary_limit);
  else if (strcmp(name, "--snapshot-memory") == 0)
    return parse_size(value, &options->engine.snapshot_memory);
  else if (strcmp(name, "--checkpoint-bytes") == 0)
    return parse_size(value, &options->engine.checkpoint_bytes);
  else if (strcmp(name, "--workers") == 0)
    return parse_workers(value, &options->engine.workers);
  else if (strcmp(name, "--without") == 0)
    return parse_without(value, &options->engine.without);
  else if (strcmp(name, "--backups") == 0)
    options->engine.backup_directory = value;
  else if (strcmp(name, "--files") == 0)
    return allow_folder(&options->connectors.folders, value);
  else
    return take_server_option(&options->server, name, value);
  return 0;
}

static int check_options(const struct serve_options *options)
{
  const struct server_options *server = &options->server;
  if (options->in_memory == (options->engine.data_directory != NULL))
    return complain("%s", "give either --data DIR or --in-memory");
  if ((server->certificate == NULL) != (server->key == NULL))
    return complain("%s", "--tls-cert and --tls-key go together");
  if (server->certificate && server->makes_certificate)
    return complain("%s", "give either --tls auto or --tls-cert and --tls-key");
  return 0;
}

static int parse_options(int count, char **arguments, struct serve_options *options)
{
  *options = (struct serve_options){
    .engine = {.abi = QUERN_ABI, .log = log_line},
    .listen = "127.0.0.1:5433",
  };
  for (int i = 0; i < count; i++) {
    const char *name = arguments[i];
    if (strcmp(name, "--in-memory") == 0) {
      options->in_memory = true;
    } else if (strcmp(name, "--without-sync") == 0) {
      options->engine.without_sync = true;
    } else if (strcmp(name, "--allow-remote-without-tls") == 0) {
      options->server.allows_plain = true;
    } else if (i + 1 == count) {
      return complain(strncmp(name, "--", 2) == 0 ? "option %s is unknown or needs a value" : "unexpected argument \"%s\"", name);
    } else if (take_option(options, name, arguments[++i])) {
      return -1;
    }
  }
  return check_options(options);
}

static int listen_address(const char *text, struct socket_address *address, struct error *error)
{
  char host[256];
  uint16_t port;
  int status = socket_parse(text, host, &port, error);
  return status ? status : socket_resolve(host, port, address, error);
}

static int serve(struct server *server, const struct signals *signals, struct error *error)
{
  struct socket_address address;
  char text[SOCKET_TEXT];
  server_address(server, &address);
  socket_text(&address, text);
  printf("quern: listening on %s\n", text);
  fflush(stdout);
  return server_run(server, signals->descriptor, error);
}

// Everything that is open at the end is closed in the order of its opening, backwards.
static int open_and_serve(struct serve_options *options, const struct socket_address *address, const struct signals *signals,
                          struct error *error)
{
  struct quern *engine;
  struct quern_error quern_error;
  int status = quern_open(&options->engine, &engine, &quern_error);
  if (status) {
    complain("%s", quern_error.message);
    return status;
  }
  struct server *server = NULL;
  options->server.address = address;
  options->server.data_directory = options->engine.data_directory;
  status = connectors_add(&options->connectors, engine);
  if (!status)
    status = server_open(engine, &options->server, &server, error);
  if (!status)
    status = serve(server, signals, error);
  server_close(server);
  quern_close(engine);
  return status;
}

int serve_command(int count, char **arguments)
{
  struct serve_options options;
  if (parse_options(count, arguments, &options))
    return 2;
  struct error error = {0};
  struct socket_address address;
  if (listen_address(options.listen, &address, &error)) {
    complain("%s", error.message);
    return 2;
  }
  struct signals signals;
  int status = signals_open(&signals, &error);
  if (status) {
    complain("%s", error.message);
    return 1;
  }
  status = open_and_serve(&options, &address, &signals, &error);
  while (signals_next(&signals)) // taken, lest it ends us when it is unblocked
    ;
  signals_close(&signals);
  folders_close(&options.connectors.folders);
  if (status && error.message[0])
    complain("%s", error.message);
  return status ? 1 : 0;
}
