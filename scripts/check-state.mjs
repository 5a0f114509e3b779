/**
 * Checks that state changes only where it is declared: `npm run check:state`.
 *
 * - What a class declares is assigned in that class only.
 * - What an interface, a type or an object declares is assigned in its own file only.
 *
 * Specs and what packages declare are left out. Prints each assignment that breaks a rule, and ends with exit code 1.
 */
import { relative } from 'node:path';
import ts from 'typescript';

/** May be assigned anywhere in `src/`, and why. */
const EXCEPTIONS = new Map([
  ['UdpStatistics', 'counters: they only go up, and nothing is decided by them'],
  ['RoomStatistics', 'counters'],
  ['MessageStatistics', 'counters'],
  ['GatewayStatistics', 'counters'],
  ['Journal.counters', 'counters'],
]);

const { fileNames, options } = ts.getParsedCommandLineOfConfigFile(
  'tsconfig.json',
  {},
  {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
      throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'));
    },
  },
);
const inHere = (name) => relative(process.cwd(), name);
const sources = new Set(
  fileNames.filter((name) => inHere(name).startsWith('src/') && !name.endsWith('.spec.ts')),
);
const program = ts.createProgram([...sources], { ...options, noEmit: true });
const checker = program.getTypeChecker();
const used = new Set();
const found = [];

for (const name of sources) visit(program.getSourceFile(name));
for (const name of EXCEPTIONS.keys()) {
  if (!used.has(name)) found.push(`${name} is an exception that nothing needs`);
}
for (const line of found) process.stdout.write(`${line}\n`);
process.stdout.write(`${sources.size} files, ${found.length} complaints\n`);
process.exitCode = found.length === 0 ? 0 : 1;

function visit(node) {
  if (ts.isBinaryExpression(node) && ts.isAssignmentOperator(node.operatorToken.kind)) check(node.left);
  else if (ts.isDeleteExpression(node)) check(node.expression);
  else if (ts.isPostfixUnaryExpression(node)) check(node.operand);
  else if (ts.isPrefixUnaryExpression(node) && isStep(node.operator)) check(node.operand);
  ts.forEachChild(node, visit);
}

function isStep(operator) {
  return operator === ts.SyntaxKind.PlusPlusToken || operator === ts.SyntaxKind.MinusMinusToken;
}

/** @param target what is assigned: a property, or a pattern of several */
function check(target) {
  if (ts.isArrayLiteralExpression(target)) return target.elements.forEach(check);
  if (ts.isObjectLiteralExpression(target)) {
    return target.properties.filter(ts.isPropertyAssignment).forEach(({ initializer }) => check(initializer));
  }
  if (ts.isParenthesizedExpression(target) || ts.isAsExpression(target)) return check(target.expression);
  // `this` is the class that declares it, or one that extends it
  if (!ts.isPropertyAccessExpression(target) || target.expression.kind === ts.SyntaxKind.ThisKeyword) return;
  for (const declaration of checker.getSymbolAtLocation(target.name)?.declarations ?? []) {
    if (isOwn(target, declaration)) continue;
    const holder = nameOf(declaration);
    if (EXCEPTIONS.has(holder)) {
      used.add(holder);
      continue;
    }
    const file = target.getSourceFile();
    const { line } = file.getLineAndCharacterOfPosition(target.getStart());
    found.push(`${inHere(file.fileName)}:${line + 1} assigns ${target.name.text} of ${holder}`);
  }
}

function isOwn(target, declaration) {
  const file = declaration.getSourceFile();
  if (!sources.has(file.fileName)) return true;
  const holder = holderOf(declaration);
  if (!ts.isClassLike(holder)) return file === target.getSourceFile();
  return ts.findAncestor(target, (node) => node === holder) !== undefined;
}

/** The class, interface, type or object. */
function holderOf({ parent }) {
  return ts.isConstructorDeclaration(parent) ? parent.parent : parent;
}

function nameOf(declaration) {
  const holder = holderOf(declaration);
  if (holder.name !== undefined) return holder.name.text;
  const { parent } = holder;
  const name = parent.name?.getText() ?? 'an unnamed type';
  return ts.isClassLike(parent.parent) ? `${parent.parent.name?.text}.${name}` : name;
}
