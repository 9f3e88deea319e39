import { play } from './play.ts';
import { scheduleOf } from './steps.ts';
const [from, count] = process.argv.slice(2).map(Number);
const t = Date.now(); let bad = 0; const by: Record<string, number[]> = {}; let steps=0;
for (let seed = from!; seed < from! + count!; seed++) {
  const o = await play(scheduleOf(seed)); steps += o.steps;
  if (o.violation) { bad++; (by[`${o.violation.invariant} ${o.violation.message.replace(/L\d+|v\d+|calendar\d/g,'_').slice(0,110)}`] ??= []).push(seed); if (count === 1) console.log(o.story.join('\n'), '\n', o.violation.invariant, o.violation.message); }
}
console.log(bad, 'bad of', count, Math.round(count! / (Date.now() - t) * 1000), '/s', Math.round(steps/count!), 'steps'); for (const [k, v] of Object.entries(by)) console.log(v.length, k, v.slice(0, 5).join(' '));
