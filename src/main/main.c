// quern: the program. Picks the command.
#include <stdio.h>
#include <string.h>

#include "main/commands.h"

static const char usage[] =
  "Usage: quern serve (--data DIR | --in-memory) [--listen HOST:PORT] [options]\n"
  "       quern sql --data DIR ['STATEMENT' …] runs statements, or those of standard input, without a server\n"
  "       quern check --data DIR           looks at every checksum, tree and table; changes nothing\n"
  "       quern backup --data DIR --to DIR copies what no server uses (one that runs: SELECT quern_backup('name'))\n"
  "       quern --version\n"
  "\n"
  "  --data DIR              keep the state in this directory (made if it is missing)\n"
  "  --in-memory             keep nothing\n"
  "  --listen HOST:PORT      127.0.0.1:5433 by default; port 0 picks a free one\n"
  "  --tls auto              TLS with a certificate that is made, and kept in the data directory\n"
  "  --tls-cert FILE         TLS with this certificate (PEM), and\n"
  "  --tls-key FILE          its private key\n"
  "  --hba FILE              who may come in from where, in the form of pg_hba.conf\n"
  "  --login-timeout N       seconds that a client has for logging in, 60 by default\n"
  "  --allow-remote-without-tls  lets clients of other machines in without TLS: what they say can be read on the way\n"
  "  --files DIR             a folder that sources may read files in; may be given several times (none by default)\n"
  "  --backups DIR           where SELECT quern_backup('name') writes; nowhere without it\n"
  "  --memory-limit SIZE     of the whole engine: bytes, or with kB, MB, GB (no bound by default)\n"
  "  --statement-memory SIZE of one statement (256MB by default)\n"
  "  --temporary DIR         for the rows that this does not hold (the data directory; $TMPDIR or /tmp in memory)\n"
  "  --temporary-limit SIZE  of all of them (64GB by default)\n"
  "  --snapshot-memory SIZE  that open transactions and long reads may hold back (1GB by default)\n"
  "  --checkpoint-bytes SIZE log after which a checkpoint is taken (256MB by default)\n"
  "  --workers N             threads for long reads (2 by default)\n"
  "  --without-sync          leave out fdatasync; a power cut then loses acknowledged work\n"
  "  --without NAME,…        leave out optimizations, to measure what they are worth: plan-cache, literals, group-commit,\n"
  "                          pipelining, short-path; replies are the same\n";

int main(int count, char **arguments)
{
  if (count >= 2 && strcmp(arguments[1], "serve") == 0)
    return serve_command(count - 2, arguments + 2);
  if (count >= 2 && strcmp(arguments[1], "sql") == 0)
    return sql_command(count - 2, arguments + 2);
  if (count >= 2 && strcmp(arguments[1], "check") == 0)
    return check_command(count - 2, arguments + 2);
  if (count >= 2 && strcmp(arguments[1], "backup") == 0)
    return backup_command(count - 2, arguments + 2);
  if (count >= 2 && strcmp(arguments[1], "--version") == 0) {
    printf("quern %s\n", QUERN_VERSION);
    return 0;
  }
  bool asks = count >= 2 && (strcmp(arguments[1], "--help") == 0 || strcmp(arguments[1], "help") == 0);
  fputs(usage, asks ? stdout : stderr);
  return asks ? 0 : 2;
}
