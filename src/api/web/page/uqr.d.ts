/** Owns the type of the one library that the page loads, which is served as its package has it. */
export { encode } from 'uqr';
