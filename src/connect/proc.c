// connector = 'proc': this machine's live measurements from /proc, every `interval` (1s).
//
// Columns, any of them in any order: at (timestamptz), metric (text), value (float8). One row a metric and interval:
//   cpu.user, cpu.system, cpu.iowait, cpu.idle      share of all processors' time, 0 … 1
//   memory.used, memory.available, memory.cached    bytes
//   load.1m, load.5m, load.15m                      runnable processes, averaged
//   disk.read, disk.written                         bytes a second, over all disks
//   network.received, network.sent                  bytes a second, over all interfaces but the loopback
// What is a share or a rate begins with the second interval. A restart goes on with the present.
//
// The files of /proc are read with stdio, past os/: they are the kernel's answers, not anybody's data.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "connect/connectors.h"
#include "connect/support.h"
#include "os/clock.h"

enum field { FIELD_AT, FIELD_METRIC, FIELD_VALUE };
enum { COLUMNS_MAXIMUM = 16, CPU_FIELDS = 8 };

struct counters {
  int64_t at_us;                           // monotonic; 0: none yet
  uint64_t cpu[CPU_FIELDS];                // user, nice, system, idle, iowait, irq, softirq, steal
  uint64_t disk_read, disk_written;        // sectors of 512 bytes
  uint64_t network_received, network_sent; // bytes
};

struct proc {
  int64_t interval_us;
  int64_t due_us;
  int column_count;
  enum field fields[COLUMNS_MAXIMUM];
  struct counters before;
};

static int read_options(const struct quern_source_info *info, struct proc *proc, struct quern_error *error)
{
  static const char *const known[] = {"interval", NULL};
  *proc = (struct proc){.column_count = info->column_count};
  if (option_check_known(info, known, error) || option_interval(info, "interval", 1000000, &proc->interval_us, error))
    return -1;
  if (info->column_count > COLUMNS_MAXIMUM)
    return connector_error(error, "22023", "source \"%s\" has more than %d columns", info->name, COLUMNS_MAXIMUM);
  for (int i = 0; i < info->column_count; i++) {
    const struct quern_column *column = &info->columns[i];
    bool is_good = true;
    if (strcmp(column->name, "at") == 0) {
      proc->fields[i] = FIELD_AT;
      is_good = column->type == OID_TIMESTAMPTZ || column->type == OID_TIMESTAMP;
    } else if (strcmp(column->name, "metric") == 0) {
      proc->fields[i] = FIELD_METRIC;
      is_good = column->type == OID_TEXT || column->type == OID_VARCHAR;
    } else if (strcmp(column->name, "value") == 0) {
      proc->fields[i] = FIELD_VALUE;
      is_good = column->type == OID_FLOAT8;
    } else {
      return connector_error(error, "22023", "source \"%s\": proc has the columns at, metric and value, not \"%s\"",
                             info->name, column->name);
    }
    if (!is_good)
      return connector_error(error, "22023",
                             "source \"%s\": at is a timestamp with time zone, metric text, value double precision",
                             info->name);
  }
  return 0;
}

static int proc_check(const struct quern_source_info *info, struct quern_error *error)
{
  struct proc proc;
  return read_options(info, &proc, error);
}

static void *proc_open(const struct quern_source_info *info, const uint8_t *position, size_t size,
                       struct quern_error *error)
{
  struct proc *proc = malloc(sizeof *proc);
  if (!proc) {
    connector_error(error, "53200", "out of memory");
    return NULL;
  }
  if (read_options(info, proc, error)) {
    free(proc);
    return NULL;
  }
  return proc;
}

// --- Reading ------------------------------------------------------------------------------------------------------

static void read_cpu(struct counters *now)
{
  FILE *file = fopen("/proc/stat", "re");
  if (!file)
    return;
  uint64_t *c = now->cpu;
  if (fscanf(file, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
             &c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6], &c[7]) != CPU_FIELDS)
    memset(c, 0, sizeof now->cpu);
  fclose(file);
}

// Whole disks only: partitions, loops and the like would count bytes twice.
static bool is_disk(const char *name)
{
  size_t length = strlen(name);
  if (strncmp(name, "loop", 4) == 0 || strncmp(name, "ram", 3) == 0 || strncmp(name, "dm-", 3) == 0 ||
      strncmp(name, "md", 2) == 0)
    return false;
  if (strncmp(name, "nvme", 4) == 0 || strncmp(name, "mmcblk", 6) == 0)
    return strchr(name + 4, 'p') == NULL;
  return length > 0 && (name[length - 1] < '0' || name[length - 1] > '9');
}

static void read_disks(struct counters *now)
{
  FILE *file = fopen("/proc/diskstats", "re");
  char line[512], name[64];
  while (file && fgets(line, sizeof line, file)) {
    uint64_t read, written;
    if (sscanf(line, " %*u %*u %63s %*u %*u %" SCNu64 " %*u %*u %*u %" SCNu64, name, &read, &written) == 3 &&
        is_disk(name)) {
      now->disk_read += read;
      now->disk_written += written;
    }
  }
  if (file)
    fclose(file);
}

static void read_network(struct counters *now)
{
  FILE *file = fopen("/proc/net/dev", "re");
  char line[512], name[64];
  while (file && fgets(line, sizeof line, file)) {
    uint64_t received, sent;
    if (sscanf(line, " %63[^:]: %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64, name, &received, &sent) == 3 &&
        strcmp(name, "lo") != 0) {
      now->network_received += received;
      now->network_sent += sent;
    }
  }
  if (file)
    fclose(file);
}

// --- Rows -----------------------------------------------------------------------------------------------------------

struct rows {
  struct proc *proc;
  struct quern_batch *batch;
  int64_t wall;
};

static void add(struct rows *rows, const char *metric, double value)
{
  struct proc *proc = rows->proc;
  struct quern_buffer *out = &rows->batch->rows;
  uint8_t bytes[8];
  row_begin(out, proc->column_count);
  for (int i = 0; i < proc->column_count; i++) {
    switch (proc->fields[i]) {
    case FIELD_AT:
      put_be64(bytes, (uint64_t)rows->wall);
      row_add_bytes(out, bytes, 8);
      break;
    case FIELD_METRIC: row_add_text(out, metric); break;
    case FIELD_VALUE: {
      uint64_t bits;
      memcpy(&bits, &value, 8);
      put_be64(bytes, bits);
      row_add_bytes(out, bytes, 8);
      break;
    }
    }
  }
  rows->batch->row_count++;
}

static void add_memory(struct rows *rows)
{
  FILE *file = fopen("/proc/meminfo", "re");
  char line[256], name[64];
  double total = -1, available = -1, cached = -1, kib;
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "%63[^:]: %lf", name, &kib) != 2)
      continue;
    total = strcmp(name, "MemTotal") == 0 ? kib * 1024 : total;
    available = strcmp(name, "MemAvailable") == 0 ? kib * 1024 : available;
    cached = strcmp(name, "Cached") == 0 ? kib * 1024 : cached;
  }
  if (file)
    fclose(file);
  if (total < 0 || available < 0)
    return;
  add(rows, "memory.used", total - available);
  add(rows, "memory.available", available);
  if (cached >= 0)
    add(rows, "memory.cached", cached);
}

static void add_load(struct rows *rows)
{
  FILE *file = fopen("/proc/loadavg", "re");
  double load[3];
  if (file && fscanf(file, "%lf %lf %lf", &load[0], &load[1], &load[2]) == 3) {
    add(rows, "load.1m", load[0]);
    add(rows, "load.5m", load[1]);
    add(rows, "load.15m", load[2]);
  }
  if (file)
    fclose(file);
}

static void add_cpu(struct rows *rows, const struct counters *before, const struct counters *now)
{
  double d[CPU_FIELDS], total = 0;
  for (int i = 0; i < CPU_FIELDS; i++) {
    d[i] = now->cpu[i] > before->cpu[i] ? (double)(now->cpu[i] - before->cpu[i]) : 0;
    total += d[i];
  }
  if (total <= 0)
    return;
  add(rows, "cpu.user", (d[0] + d[1]) / total);
  add(rows, "cpu.system", (d[2] + d[5] + d[6]) / total);
  add(rows, "cpu.iowait", d[4] / total);
  add(rows, "cpu.idle", d[3] / total);
}

static double rate(uint64_t before, uint64_t now, double seconds)
{
  return now > before ? (double)(now - before) / seconds : 0;
}

static void add_rates(struct rows *rows, const struct counters *before, const struct counters *now)
{
  double seconds = (double)(now->at_us - before->at_us) / 1e6;
  if (seconds <= 0)
    return;
  add_cpu(rows, before, now);
  add(rows, "disk.read", 512 * rate(before->disk_read, now->disk_read, seconds));
  add(rows, "disk.written", 512 * rate(before->disk_written, now->disk_written, seconds));
  add(rows, "network.received", rate(before->network_received, now->network_received, seconds));
  add(rows, "network.sent", rate(before->network_sent, now->network_sent, seconds));
}

static int64_t proc_poll(void *source, struct quern_batch *batch, int max_rows)
{
  struct proc *proc = source;
  if (batch->now_us < proc->due_us)
    return proc->due_us - batch->now_us;
  struct counters now = {.at_us = batch->now_us};
  read_cpu(&now);
  read_disks(&now);
  read_network(&now);
  struct rows rows = {.proc = proc, .batch = batch, .wall = clock_wall()};
  if (proc->before.at_us)
    add_rates(&rows, &proc->before, &now);
  add_memory(&rows);
  add_load(&rows);
  proc->before = now;
  proc->due_us = proc->due_us && batch->now_us - proc->due_us < proc->interval_us ? proc->due_us + proc->interval_us
                                                                                  : batch->now_us + proc->interval_us;
  batch->is_binary = true;
  batch->lag = 0;
  batch->position_size = (uint32_t)snprintf((char *)batch->position, sizeof batch->position, "%" PRId64, rows.wall);
  return proc->due_us - batch->now_us;
}

static void proc_close(void *source)
{
  free(source);
}

const struct quern_connector connector_proc = {
    .name = "proc",
    .check = proc_check,
    .open = proc_open,
    .poll = proc_poll,
    .close = proc_close,
};
