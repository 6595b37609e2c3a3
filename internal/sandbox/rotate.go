package sandbox

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// RestartController restarts the Sealed Secrets controller, which then
// processes every SealedSecret again.
func (s *Sandbox) RestartController(ctx context.Context) error {
	return s.Restart(ctx, sealedSecrets)
}

// RotateSealingKey makes the Sealed Secrets controller seal with a new key from
// now on, as it does by itself every 30 days. It keeps the old keys.
func (s *Sandbox) RotateSealingKey(ctx context.Context) error {
	step := s.options.step("rotate the sealing key")
	if err := step.end(s.rotate(ctx)); err != nil {
		return &Error{Object: "server " + sealedSecrets, Op: "rotate the sealing key", Err: err}
	}
	return nil
}

func (s *Sandbox) rotate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	c, err := s.layout.cluster()
	if err != nil {
		return err
	}
	before, err := c.certificate(ctx)
	if err != nil {
		return err
	}
	if err := waitSecond(ctx, before); err != nil {
		return err
	}
	status, err := s.client().Status(ctx)
	if err != nil {
		return err
	}
	controller, ok := status.Process(sealedSecrets)
	if !ok || !controller.Alive() {
		return errors.New("it does not run")
	}
	if err := askForRenewal(controller.ID); err != nil {
		return err
	}
	return s.until(ctx, func(ctx context.Context) error {
		now, err := c.certificate(ctx)
		if err == nil && bytes.Equal(now, before) {
			err = errors.New("the certificate is still the old one")
		}
		return err
	})
}

// waitSecond waits until a new certificate would be a second younger: the
// controller takes the youngest for the current one, and counts in seconds.
func waitSecond(ctx context.Context, certificate []byte) error {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return errors.New("its certificate is not PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("its certificate: %w", err)
	}
	select {
	case <-time.After(time.Until(cert.NotBefore.Add(time.Second))):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
