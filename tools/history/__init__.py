"""Drives many clients over a database, records what each did and was told, and looks for a serial order of it.

`run` drives and checks, `check` reads recorded histories. The parts:

    record     what is recorded: transactions with their operations and times; reading and writing files
    workloads  what the clients do: lists, registers, sets, bank accounts; as statements
    drive      the clients: processes and threads, the shapes of transactions, cut connections
    servers    the databases under test: quern, killed and restarted; PostgreSQL
    inside     one transaction alone: what it read from others, what it leaves behind, whether it agrees with itself
    infer      all transactions together: who wrote what was read, and in which order versions came: dependencies
    graph      dependencies, process order and real time as a graph; components and shortest cycles
    anomaly    the names of cycles
    report     an anomaly in words

The classes are those of Adya, "Weak Consistency" (MIT 1999); how versions and dependencies are inferred from what
clients saw is from Kingsbury and Alvaro, "Elle" (VLDB 2020).
"""
