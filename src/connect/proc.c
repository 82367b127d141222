// connector = 'proc': this machine's live measurements from /proc, every `interval` (1s).
//
// topic = 'machine' (so without it): columns, any of them in any order, at (timestamptz), metric (text), value (float8). One
// row a metric and interval:
//   cpu.user, cpu.system, cpu.iowait, cpu.idle      share of all processors' time, 0 … 1
//   memory.used, memory.available, memory.cached    bytes
//   load.1m, load.5m, load.15m                      runnable processes, averaged
//   disk.read, disk.written                         bytes a second, over all disks
//   network.received, network.sent                  bytes a second, over all interfaces but the loopback
// topic = 'processes': at, pid (int4), name (text), cpu (float8: share of all processors' time), memory (int8: resident
// bytes). A row for each of the `top` (10) processes that took most of the processors in the interval.
// What is a share or a rate begins with the second interval. A restart goes on with the present.
//
// The files of /proc are read with stdio, past os/: they are the kernel's answers, not anybody's data.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "connect/connectors.h"
#include "connect/processes.h"
#include "connect/support.h"
#include "os/clock.h"

enum topic { TOPIC_MACHINE, TOPIC_PROCESSES };
enum field { FIELD_AT, FIELD_METRIC, FIELD_VALUE, FIELD_PID, FIELD_NAME, FIELD_CPU, FIELD_MEMORY };
enum { COLUMNS_MAXIMUM = 16, CPU_FIELDS = 8 };

struct counters {
  int64_t at_us;                           // monotonic; 0: none yet
  uint64_t cpu[CPU_FIELDS];                // user, nice, system, idle, iowait, irq, softirq, steal
  uint64_t disk_read, disk_written;        // sectors of 512 bytes
  uint64_t network_received, network_sent; // bytes
};

struct proc {
  enum topic topic;
  int64_t interval_us;
  int64_t top;
  int64_t due_us;
  int column_count;
  enum field fields[COLUMNS_MAXIMUM];
  struct counters before;
  struct processes processes, processes_before;
};

// What a topic has, and a type of each, or another one.
static const struct column {
  enum topic topic;
  enum field field;
  const char *name;
  uint32_t type, other;
} columns[] = {
    {TOPIC_MACHINE, FIELD_AT, "at", OID_TIMESTAMPTZ, OID_TIMESTAMP},
    {TOPIC_MACHINE, FIELD_METRIC, "metric", OID_TEXT, OID_VARCHAR},
    {TOPIC_MACHINE, FIELD_VALUE, "value", OID_FLOAT8, OID_FLOAT8},
    {TOPIC_PROCESSES, FIELD_AT, "at", OID_TIMESTAMPTZ, OID_TIMESTAMP},
    {TOPIC_PROCESSES, FIELD_PID, "pid", OID_INT4, OID_INT4},
    {TOPIC_PROCESSES, FIELD_NAME, "name", OID_TEXT, OID_VARCHAR},
    {TOPIC_PROCESSES, FIELD_CPU, "cpu", OID_FLOAT8, OID_FLOAT8},
    {TOPIC_PROCESSES, FIELD_MEMORY, "memory", OID_INT8, OID_INT8},
};

static int read_column(const struct quern_source_info *info, struct proc *proc, int number, struct quern_error *error)
{
  static const char *const names[] = {"at, metric and value", "at, pid, name, cpu and memory"};
  static const char *const types[] = {
      "at is a timestamp with time zone, metric text, value double precision",
      "at is a timestamp with time zone, pid integer, name text, cpu double precision, memory bigint"};
  const struct quern_column *given = &info->columns[number];
  for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
    if (columns[i].topic != proc->topic || strcmp(columns[i].name, given->name) != 0)
      continue;
    proc->fields[number] = columns[i].field;
    return given->type == columns[i].type || given->type == columns[i].other
               ? 0
               : connector_error(error, "22023", "source \"%s\": %s", info->name, types[proc->topic]);
  }
  return connector_error(error, "22023", "source \"%s\": proc has the columns %s, not \"%s\"", info->name,
                         names[proc->topic], given->name);
}

static int read_topic(const struct quern_source_info *info, struct proc *proc, struct quern_error *error)
{
  const char *topic = option_find(info, "topic");
  if (topic && strcmp(topic, "machine") != 0 && strcmp(topic, "processes") != 0)
    return connector_error(error, "22023", "option topic of source \"%s\" must be machine or processes, not \"%s\"",
                           info->name, topic);
  proc->topic = topic && strcmp(topic, "processes") == 0 ? TOPIC_PROCESSES : TOPIC_MACHINE;
  if (proc->topic == TOPIC_MACHINE && option_find(info, "top"))
    return connector_error(error, "22023", "source \"%s\": option top is for the topic processes", info->name);
  return option_integer(info, "top", 1, 1000, 10, &proc->top, error);
}

static int read_options(const struct quern_source_info *info, struct proc *proc, struct quern_error *error)
{
  static const char *const known[] = {"interval", "topic", "top", NULL};
  *proc = (struct proc){.column_count = info->column_count};
  if (option_check_known(info, known, error) || option_interval(info, "interval", 1000000, &proc->interval_us, error) ||
      read_topic(info, proc, error))
    return -1;
  if (info->column_count > COLUMNS_MAXIMUM)
    return connector_error(error, "22023", "source \"%s\" has more than %d columns", info->name, COLUMNS_MAXIMUM);
  for (int i = 0; i < info->column_count; i++)
    if (read_column(info, proc, i, error))
      return -1;
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

// What a row of a topic may have.
struct measured {
  const char *name; // a metric's or a process's
  double value;     // a metric's, or a share
  int pid;
  int64_t memory;
};

static void add_number(struct quern_buffer *out, uint64_t value)
{
  uint8_t bytes[8];
  put_be64(bytes, value);
  row_add_bytes(out, bytes, 8);
}

static void add_row(struct rows *rows, const struct measured *measured)
{
  struct proc *proc = rows->proc;
  struct quern_buffer *out = &rows->batch->rows;
  uint8_t bytes[4];
  uint64_t bits;
  memcpy(&bits, &measured->value, 8);
  row_begin(out, proc->column_count);
  for (int i = 0; i < proc->column_count; i++) {
    switch (proc->fields[i]) {
    case FIELD_AT: add_number(out, (uint64_t)rows->wall); break;
    case FIELD_METRIC:
    case FIELD_NAME: row_add_text(out, measured->name); break;
    case FIELD_VALUE:
    case FIELD_CPU: add_number(out, bits); break;
    case FIELD_MEMORY: add_number(out, (uint64_t)measured->memory); break;
    case FIELD_PID:
      put_be32(bytes, (uint32_t)measured->pid);
      row_add_bytes(out, bytes, 4);
      break;
    }
  }
  rows->batch->row_count++;
}

static void add(struct rows *rows, const char *metric, double value)
{
  add_row(rows, &(struct measured){.name = metric, .value = value});
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

static void add_machine(struct rows *rows, struct counters *now)
{
  read_disks(now);
  read_network(now);
  if (rows->proc->before.at_us)
    add_rates(rows, &rows->proc->before, now);
  add_memory(rows);
  add_load(rows);
}

// The processes that took most of the time that all processors had.
static void add_processes(struct rows *rows, const struct counters *now)
{
  struct proc *proc = rows->proc;
  uint64_t total = 0;
  for (int i = 0; i < CPU_FIELDS; i++)
    total += now->cpu[i] - proc->before.cpu[i];
  processes_read(&proc->processes);
  if (proc->before.at_us)
    processes_rank(&proc->processes, &proc->processes_before);
  for (int i = 0; proc->before.at_us && total && i < proc->processes.count && i < proc->top; i++) {
    const struct process *process = processes_ranked(&proc->processes, i);
    double share = (double)process->spent / (double)total;
    add_row(rows, &(struct measured){.name = process->name,
                                     .value = share < 1 ? share : 1, // the two were not read in one moment
                                     .pid = process->pid,
                                     .memory = process->memory});
  }
  struct processes old = proc->processes_before;
  proc->processes_before = proc->processes;
  proc->processes = old;
}

static int64_t proc_poll(void *source, struct quern_batch *batch, int max_rows)
{
  struct proc *proc = source;
  if (batch->now_us < proc->due_us)
    return proc->due_us - batch->now_us;
  struct counters now = {.at_us = batch->now_us};
  read_cpu(&now);
  struct rows rows = {.proc = proc, .batch = batch, .wall = clock_wall()};
  if (proc->topic == TOPIC_PROCESSES)
    add_processes(&rows, &now);
  else
    add_machine(&rows, &now);
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
  struct proc *proc = source;
  processes_free(&proc->processes);
  processes_free(&proc->processes_before);
  free(proc);
}

const struct quern_connector connector_proc = {
    .name = "proc",
    .check = proc_check,
    .open = proc_open,
    .poll = proc_poll,
    .close = proc_close,
};
