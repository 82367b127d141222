// A client inside the benchmark's process: requests in, the number of rows and errors out.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "quern.h"

struct client {
  struct quern *engine;
  struct quern_session *session;
  struct quern_buffer request;
  uint64_t ready, rows, errors;
  int64_t number; // of the first column of the last row, as text
};

static inline double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline uint64_t next_random(uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static inline void client_reply(void *context, const uint8_t *messages, size_t size)
{
  struct client *client = context;
  struct quern_message message;
  while (quern_next_message(&messages, &size, &message)) {
    if (message.type == 'Z') {
      client->ready++;
    } else if (message.type == 'D') {
      const uint8_t *field;
      int32_t length = quern_row_field(&message, 0, &field);
      char text[32] = {0};
      if (length > 0 && length < 32) {
        for (int i = 0; i < length; i++)
          text[i] = (char)field[i];
        client->number = strtoll(text, NULL, 10);
      }
      client->rows++;
    } else if (message.type == 'E') {
      client->errors++;
      fprintf(stderr, "error: %s\n", quern_error_field(&message, 'M'));
    }
  }
}

// Hands the request over and runs the engine until it has answered `answers` groups.
static inline void client_run(struct client *client, uint64_t answers)
{
  uint64_t until = client->ready + answers;
  if (client->request.failed || quern_submit(client->session, client->request.data, client->request.size))
    abort();
  client->request.size = 0;
  while (client->ready < until) {
    int more = quern_run(client->engine, 1);
    if (more < 0) {
      fprintf(stderr, "the engine has failed: %s\n", quern_failure(client->engine)->message);
      exit(1);
    }
    if (!more && client->ready < until)
      quern_wait(client->engine, 1000);
  }
}

static inline void client_query(struct client *client, const char *text)
{
  quern_add_query(&client->request, text);
  client_run(client, 1);
  if (client->errors)
    exit(1);
}

static inline void client_open_with(struct client *client, struct quern_options *options)
{
  struct quern_error error;
  *client = (struct client){0};
  options->abi = QUERN_ABI;
  if (quern_open(options, &client->engine, &error)) {
    fprintf(stderr, "%s\n", error.message);
    exit(1);
  }
  struct quern_session_options session = {.reply = client_reply, .context = client};
  client->session = quern_session_open(client->engine, &session, &error);
  if (!client->session)
    exit(1);
  while (!client->ready)
    if (quern_run(client->engine, 1) < 0)
      exit(1);
}

// data_directory NULL: in memory.
static inline void client_open(struct client *client, const char *data_directory)
{
  client_open_with(client, &(struct quern_options){.data_directory = data_directory});
}

static inline void client_close(struct client *client)
{
  quern_session_close(client->session);
  quern_close(client->engine);
  quern_buffer_free(&client->request);
}
