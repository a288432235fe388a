#!/usr/bin/env node
/** The command `pigeonhole`. */
import { Settings } from '../config/settings.js';
import { Node } from '../server.js';

const node = new Node({ settings: new Settings(process.argv[2] ? { port: process.argv[2] } : {}) });
await node.start();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void node.stop().then(() => process.exit(0)));
