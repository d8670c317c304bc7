// Parses Gantt charts as mermaid does: a JSON string a line in, what it understood as JSON a line out.
import { createInterface } from 'node:readline';
import DOMPurify from 'dompurify';

// It needs a browser, and takes markup out of labels: there is neither here.
Object.assign(DOMPurify, { addHook: () => {}, sanitize: (text) => text });
const { default: mermaid } = await import('mermaid');

async function understood(text) {
  try {
    await mermaid.parse(text);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
    const tasks = db.getTasks().map((task) => ({
      section: task.section,
      name: task.task.trim(),
      start: task.startTime.getTime() / 1000,
      end: task.endTime.getTime() / 1000,
      critical: task.crit === true,
    }));
    return { title: db.getDiagramTitle(), tasks };
  } catch (error) {
    return { error: String(error.message) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await understood(JSON.parse(line)))}\n`);
}
